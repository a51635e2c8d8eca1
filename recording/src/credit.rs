//! How many bytes may wait for the recorder: per connection, and for all of them together.
//!
//! A connection's next *read* waits while its credit is used up, so that nothing is dropped and
//! memory is bounded. No runtime is needed: waiting is a [`Poll`], or a parked thread.
//!
//! ```
//! use std::future::poll_fn;
//! # use wsaudit_recording::{Budget, CreditGuard};
//! # let budget = Budget::new(64 << 20);
//! let credit = budget.credit(1 << 20);
//! # let _ = async move {
//! poll_fn(|cx| credit.poll_ready(cx)).await; // before the read
//! let read = 1_500; // bytes, from the socket
//! let guard: CreditGuard = credit.take(read); // goes along with the records of these bytes
//! # };
//! ```

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

/// The bytes of all connections together.
#[derive(Clone)]
pub struct Budget(Arc<BudgetInner>);

struct BudgetInner {
    limit: u64,
    used: AtomicU64,
    /// Credits with wakers that wait for this budget rather than for their own bytes.
    waiting: Mutex<Vec<Arc<CreditInner>>>,
    /// Somebody waits: the writer commits as soon as its queue is empty.
    wanted: AtomicBool,
    /// Tells the writer so.
    on_wanted: OnceLock<Box<dyn Fn() + Send + Sync>>,
}

/// The bytes of one connection, both directions.
#[derive(Clone)]
pub struct Credit(Arc<CreditInner>);

struct CreditInner {
    limit: u64,
    used: AtomicU64,
    wakers: Mutex<Vec<Waker>>,
    /// Whether this is in the budget's `waiting`.
    enlisted: AtomicBool,
    budget: Arc<BudgetInner>,
}

/// Bytes that were taken from a [`Credit`]; dropping it gives them back.
#[must_use = "dropping it gives the bytes back"]
pub struct CreditGuard {
    credit: Arc<CreditInner>,
    bytes: u64,
}

impl Budget {
    /// A budget of `limit` bytes.
    pub fn new(limit: u64) -> Self {
        Self(Arc::new(BudgetInner {
            limit,
            used: AtomicU64::new(0),
            waiting: Mutex::new(Vec::new()),
            wanted: AtomicBool::new(false),
            on_wanted: OnceLock::new(),
        }))
    }

    /// A credit of `limit` bytes for a new connection, within this budget.
    pub fn credit(&self, limit: u64) -> Credit {
        Credit(Arc::new(CreditInner {
            limit,
            used: AtomicU64::new(0),
            wakers: Mutex::new(Vec::new()),
            enlisted: AtomicBool::new(false),
            budget: Arc::clone(&self.0),
        }))
    }

    /// Bytes that are taken now, over all connections.
    pub fn used(&self) -> u64 {
        self.0.used.load(Ordering::SeqCst)
    }

    /// Calls `wanted` when a connection begins to wait.
    pub(crate) fn on_wanted(&self, wanted: impl Fn() + Send + Sync + 'static) {
        // Set once, by the writer that owns this budget.
        let _ = self.0.on_wanted.set(Box::new(wanted));
    }

    /// From now on the next one that waits calls `on_wanted` again.
    pub(crate) fn heard(&self) {
        self.0.wanted.store(false, Ordering::SeqCst);
    }
}

impl Credit {
    /// Ready while less than the limit is taken, of this connection and of the budget; else `cx` is
    /// woken when bytes come back.
    ///
    /// A single [`take`](Self::take) may overdraw the limit by its size, so that a read larger than
    /// the limit does not wait for ever.
    pub fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        // Each wait is entered first and its reason looked at again after, because bytes that came
        // back in between would wake nobody.
        loop {
            if self.0.is_used_up() {
                self.0.enlist(cx.waker());
                if self.0.is_used_up() {
                    break;
                }
            } else if self.0.budget.is_used_up() {
                self.0.enlist(cx.waker());
                self.0.enlist_in_budget();
                if self.0.budget.is_used_up() {
                    break;
                }
            } else {
                return Poll::Ready(());
            }
        }
        self.0.budget.want();
        Poll::Pending
    }

    /// Takes `bytes`, whether or not there is room.
    pub fn take(&self, bytes: u64) -> CreditGuard {
        self.0.used.fetch_add(bytes, Ordering::SeqCst);
        self.0.budget.used.fetch_add(bytes, Ordering::SeqCst);
        CreditGuard {
            credit: Arc::clone(&self.0),
            bytes,
        }
    }

    /// [`poll_ready`](Self::poll_ready), then [`take`](Self::take).
    pub fn poll_acquire(&self, cx: &mut Context<'_>, bytes: u64) -> Poll<CreditGuard> {
        self.poll_ready(cx).map(|()| self.take(bytes))
    }

    /// Takes `bytes` if there is room now.
    pub fn try_acquire(&self, bytes: u64) -> Option<CreditGuard> {
        let room = !self.0.is_used_up() && !self.0.budget.is_used_up();
        room.then(|| self.take(bytes))
    }

    /// Parks the thread until there is room, then takes `bytes`. Not for asynchronous code.
    pub fn acquire_blocking(&self, bytes: u64) -> CreditGuard {
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let mut cx = Context::from_waker(&waker);
        loop {
            match self.poll_acquire(&mut cx, bytes) {
                Poll::Ready(guard) => return guard,
                Poll::Pending => thread::park(),
            }
        }
    }

    /// Bytes of this connection that are taken now.
    pub fn used(&self) -> u64 {
        self.0.used.load(Ordering::SeqCst)
    }
}

impl CreditGuard {
    /// The bytes that it holds.
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Drop for CreditGuard {
    fn drop(&mut self) {
        self.credit.used.fetch_sub(self.bytes, Ordering::SeqCst);
        self.credit
            .budget
            .used
            .fetch_sub(self.bytes, Ordering::SeqCst);
        if !self.credit.is_used_up() {
            self.credit.wake();
        }
        self.credit.budget.wake();
    }
}

impl CreditInner {
    fn is_used_up(&self) -> bool {
        self.used.load(Ordering::SeqCst) >= self.limit
    }

    fn enlist(&self, waker: &Waker) {
        let mut wakers = self.wakers.lock().unwrap_or_else(PoisonError::into_inner);
        if !wakers.iter().any(|known| known.will_wake(waker)) {
            wakers.push(waker.clone());
        }
    }

    fn enlist_in_budget(self: &Arc<Self>) {
        if !self.enlisted.swap(true, Ordering::SeqCst) {
            let mut waiting = self
                .budget
                .waiting
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            waiting.push(Arc::clone(self));
        }
    }

    fn wake(&self) {
        let wakers = {
            let mut wakers = self.wakers.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *wakers)
        };
        for waker in wakers {
            waker.wake();
        }
    }
}

impl BudgetInner {
    fn is_used_up(&self) -> bool {
        self.used.load(Ordering::SeqCst) >= self.limit
    }

    fn want(&self) {
        if !self.wanted.swap(true, Ordering::SeqCst)
            && let Some(on_wanted) = self.on_wanted.get()
        {
            on_wanted();
        }
    }

    /// Wakes those who wait for the budget, once there is room in it.
    fn wake(&self) {
        if self.is_used_up() {
            return;
        }
        let waiting = {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *waiting)
        };
        for credit in waiting {
            credit.enlisted.store(false, Ordering::SeqCst);
            credit.wake();
        }
    }
}

/// Wakes a parked thread.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

impl fmt::Debug for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Budget({} of {} bytes)", self.used(), self.0.limit)
    }
}

impl fmt::Debug for Credit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credit({} of {} bytes)", self.used(), self.0.limit)
    }
}

impl fmt::Debug for CreditGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CreditGuard({} bytes)", self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Poll, Wake, Waker};

    use super::Budget;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn the_connection_limit_holds_and_wakes() {
        let credit = Budget::new(1_000).credit(100);
        let count = Arc::new(Count::default());
        let waker = Waker::from(Arc::clone(&count));
        let mut cx = Context::from_waker(&waker);

        let guard = credit.try_acquire(100).expect("nothing is taken yet");
        assert!(credit.poll_ready(&mut cx).is_pending());
        assert_eq!(count.0.load(Ordering::SeqCst), 0);
        drop(guard);
        assert_eq!(count.0.load(Ordering::SeqCst), 1);
        assert_eq!(credit.poll_ready(&mut cx), Poll::Ready(()));
    }

    #[test]
    fn a_connection_waits_for_the_budget_that_others_use() {
        let budget = Budget::new(100);
        let (greedy, other) = (budget.credit(1_000), budget.credit(1_000));
        let count = Arc::new(Count::default());
        let waker = Waker::from(Arc::clone(&count));
        let mut cx = Context::from_waker(&waker);

        let guard = greedy.take(100);
        assert!(other.try_acquire(1).is_none());
        assert!(other.poll_ready(&mut cx).is_pending());
        drop(guard);
        assert_eq!(count.0.load(Ordering::SeqCst), 1);
        assert!(other.try_acquire(1).is_some());
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn a_read_larger_than_the_limit_passes() {
        let credit = Budget::new(10).credit(10);
        assert!(credit.try_acquire(50).is_some());
    }
}
