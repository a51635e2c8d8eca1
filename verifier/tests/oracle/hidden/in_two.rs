//! The same histories, spread over two recordings: each lacks something else, and their clocks may disagree.

use proptest::prelude::*;

use super::asked::{self, Asked};
use super::is_never_surer;
use super::recorder::{Trouble, troubles};
use super::recordings::{Pair, Split, splits};
use crate::random::fewer_cases;

/// Asks of the whole in one recording, and of what is left in two.
fn check(asked: &Asked, split: Split, troubles: [&[Trouble]; 2]) -> Result<(), TestCaseError> {
    let split = if asked.trusts_clocks {
        split.on_one_clock()
    } else {
        split
    };
    let troubles = troubles.map(|all| split.without_unread(all));
    is_never_surer(
        asked,
        &Pair::of_two(&asked.whole, &split, [&troubles[0], &troubles[1]]),
    )
}

/// Tests by kind. Where the first recording lacks nothing, nobody can tell from it what the second one does.
macro_rules! in_two {
    ($(fn $name:ident($asked:expr);)*) => {
        proptest! {
            #![proptest_config(fewer_cases())]

            $(
                #[test]
                fn $name(
                    asked in $asked,
                    split in splits(),
                    first in prop_oneof![2 => Just(Vec::new()), 1 => troubles()],
                    second in troubles(),
                ) {
                    check(&asked, split, [&first, &second])?;
                }
            )*
        }
    };
}

in_two! {
    fn addressed_is_never_surer_of_two_recordings(asked::addressed());
    fn addressed_is_never_surer_of_two_recordings_where_sessions_share_a_connection(asked::addressed_where_shared());
    fn owned_is_never_surer_of_what_is_asked_for_in_two_recordings(asked::owned());
    fn owned_is_never_surer_of_what_those_who_share_a_connection_ask_for_in_two_recordings(asked::owned_where_shared());
    fn owned_is_never_surer_of_who_may_see_it_in_two_recordings(asked::members());
    fn owned_is_never_surer_of_who_of_a_shared_connection_may_see_it_in_two_recordings(asked::members_where_shared());
    fn sequence_is_never_surer_of_two_recordings(asked::sequence());
    fn response_is_never_surer_of_two_recordings(asked::response());
    fn never_and_always_are_never_surer_of_two_recordings(asked::window());
    fn count_is_never_surer_of_two_recordings(asked::count());
    fn duration_is_never_surer_of_two_recordings(asked::duration());
    fn correlated_is_never_surer_of_json_rpc_in_two_recordings(asked::json_rpc());
    fn correlated_is_never_surer_of_graphql_in_two_recordings(asked::graphql());
    fn handshake_is_never_surer_of_two_recordings(asked::handshake());
    fn protocol_is_never_surer_of_two_recordings(asked::protocol());
}
