//! Agent runs: a few steps of thinking, then a result.

use super::Platform;
use crate::protocol::ids::SessionId;
use crate::protocol::{RunIds, ServerMessage};
use std::time::Duration;

/// The steps of thinking an agent needs; none for an unknown agent.
pub(super) fn thinking(agent: &str) -> Option<u32> {
    match agent {
        "researcher" => Some(3),
        "planner" | "writer" => Some(2),
        _ => None,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    Think { step: u32 },
    Complete,
}

/// What a run does, each act after a pause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Script(pub(super) Vec<(Duration, Act)>);

impl Script {
    /// `steps` of thinking and a completion, half to one and a half of `pace` apart.
    pub(super) fn sound(steps: u32, pace: Duration, rng: &mut fastrand::Rng) -> Self {
        let thinking = (1..=steps).map(|step| Act::Think { step });
        let acts = thinking.chain([Act::Complete]);
        Self(
            acts.map(|act| (pace.mul_f64(0.5 + rng.f64()), act))
                .collect(),
        )
    }
}

/// Plays a run for the session that started it, also while that session reconnects.
pub(super) async fn play(platform: Platform, session: SessionId, ids: RunIds, script: Script) {
    for (pause, act) in script.0 {
        tokio::time::sleep(pause).await;
        let ids = ids.clone();
        let event = match act {
            Act::Think { step } => ServerMessage::AgentThinking { ids, step },
            Act::Complete => ServerMessage::AgentCompleted {
                ids,
                result: "done".to_owned(),
            },
        };
        platform.state().emit(&session, event);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sound_script_thinks_in_order_and_then_completes() {
        let pace = Duration::from_millis(100);
        let Script(acts) = Script::sound(2, pace, &mut fastrand::Rng::with_seed(3));
        let order: Vec<_> = acts.iter().map(|(_, act)| *act).collect();
        assert_eq!(
            order,
            [
                Act::Think { step: 1 },
                Act::Think { step: 2 },
                Act::Complete
            ]
        );
        assert!(
            acts.iter()
                .all(|(pause, _)| (pace / 2..=pace * 3 / 2).contains(pause))
        );
    }
}
