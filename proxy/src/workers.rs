//! Threads that serve connections, each with an event loop of its own.
//!
//! A connection stays on the thread that it was given to: both of its sockets are in one event loop,
//! and nothing of it crosses from core to core. One runtime over all threads has one event loop:
//! whichever thread looks at it wakes the others for their share, and that costs more than a frame
//! does (decision 0021).

use std::future::Future;
use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread;

use tokio::net::TcpStream;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

/// The threads; they end when this is dropped, and with them what they serve.
pub(crate) enum Workers {
    /// Connections are served by the runtime that runs the proxy.
    Caller,
    Own(Vec<Worker>),
}

/// A thread, and what it serves.
pub(crate) struct Worker {
    handle: Handle,
    /// One clone for each connection.
    load: Arc<()>,
    #[expect(dead_code, reason = "its end is what the thread waits for")]
    end: oneshot::Sender<()>,
}

impl Workers {
    /// So many threads; none of its own for `None`.
    pub(crate) fn start(threads: Option<NonZeroUsize>) -> io::Result<Self> {
        let Some(threads) = threads else {
            return Ok(Self::Caller);
        };
        let workers = (0..threads.get()).map(|_| Worker::start());
        workers.collect::<io::Result<_>>().map(Self::Own)
    }

    /// Serves a client on the thread that serves the fewest.
    pub(crate) fn spawn<F>(
        &self,
        connections: &mut JoinSet<()>,
        socket: TcpStream,
        serve: impl FnOnce(TcpStream) -> F + Send + 'static,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        let worker = match self {
            Self::Caller => None,
            Self::Own(workers) => workers.iter().min_by_key(|worker| worker.connections()),
        };
        let Some(worker) = worker else {
            connections.spawn(serve(socket));
            return;
        };
        // Out of the event loop of the listener, and into that of the thread.
        let socket = match socket.into_std() {
            Ok(socket) => socket,
            Err(error) => return tell(&error),
        };
        let load = Arc::clone(&worker.load);
        let task = async move {
            match TcpStream::from_std(socket) {
                Ok(socket) => serve(socket).await,
                Err(error) => tell(&error),
            }
            drop(load);
        };
        connections.spawn_on(task, &worker.handle);
    }
}

impl Worker {
    fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (end, ended) = oneshot::channel::<()>();
        thread::Builder::new()
            .name("wsaudit-worker".into())
            .spawn(move || {
                // Nothing is ever sent: it ends when the sender is dropped.
                let _ = runtime.block_on(ended);
                // A name that is being looked up is not waited for.
                runtime.shutdown_background();
            })?;
        Ok(Self {
            handle,
            load: Arc::new(()),
            end,
        })
    }

    fn connections(&self) -> usize {
        Arc::strong_count(&self.load) - 1
    }
}

fn tell(error: &io::Error) {
    tracing::error!(%error, "a client could not be handed to a thread");
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::num::NonZeroUsize;
    use std::thread::{self, ThreadId};
    use std::time::Duration;

    use tokio::net::{TcpListener, TcpStream};
    use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
    use tokio::task::JoinSet;
    use tokio::time::timeout;

    use super::Workers;

    /// Connections that say which thread serves them, and go on until their client ends.
    struct Stage {
        workers: Workers,
        listener: TcpListener,
        served: JoinSet<()>,
        on: (UnboundedSender<ThreadId>, UnboundedReceiver<ThreadId>),
    }

    impl Stage {
        async fn set(threads: usize) -> Self {
            Self {
                workers: Workers::start(NonZeroUsize::new(threads)).unwrap(),
                listener: TcpListener::bind("127.0.0.1:0").await.unwrap(),
                served: JoinSet::new(),
                on: unbounded_channel(),
            }
        }

        /// A client, and who serves it.
        async fn client(&mut self) -> (TcpStream, ThreadId) {
            let client = TcpStream::connect(self.listener.local_addr().unwrap());
            let client = client.await.unwrap();
            let (socket, _) = self.listener.accept().await.unwrap();
            let on = self.on.0.clone();
            self.workers
                .spawn(&mut self.served, socket, async move |socket| {
                    on.send(thread::current().id()).unwrap();
                    // Readable when it ends: nothing is sent.
                    socket.readable().await.unwrap();
                });
            (client, self.on.1.recv().await.unwrap())
        }

        async fn one_ends(&mut self) {
            let ended = timeout(Duration::from_secs(60), self.served.join_next());
            ended.await.unwrap().unwrap().unwrap();
        }
    }

    #[tokio::test]
    async fn each_thread_serves_as_many_as_the_others() {
        let mut stage = Stage::set(3).await;
        let mut by_thread = BTreeMap::<String, Vec<TcpStream>>::new();
        for _ in 0..6 {
            let (client, thread) = stage.client().await;
            let served = by_thread.entry(format!("{thread:?}")).or_default();
            served.push(client);
        }
        let counts: Vec<_> = by_thread.values().map(Vec::len).collect();
        assert_eq!(counts, [2, 2, 2]);
        let here = format!("{:?}", thread::current().id());
        assert!(!by_thread.contains_key(&here));
        // Whoever has fewer of them now gets the next ones.
        let (free, clients) = by_thread.pop_last().unwrap();
        drop(clients);
        stage.one_ends().await;
        stage.one_ends().await;
        let mut clients = Vec::new();
        for _ in 0..2 {
            let (client, thread) = stage.client().await;
            assert_eq!(format!("{thread:?}"), free);
            clients.push(client);
        }
    }

    #[tokio::test]
    async fn without_threads_of_its_own_the_caller_serves() {
        let mut stage = Stage::set(0).await;
        let (_client, thread) = stage.client().await;
        assert_eq!(thread, thread::current().id());
    }

    #[tokio::test]
    async fn threads_end_with_what_they_serve() {
        let mut stage = Stage::set(2).await;
        let (_client, _) = stage.client().await;
        stage.workers = Workers::Caller;
        let ended = timeout(Duration::from_secs(60), stage.served.join_next());
        assert!(ended.await.unwrap().unwrap().unwrap_err().is_cancelled());
    }
}
