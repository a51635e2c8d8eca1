//! Lists by number (of connections, of sessions) of which not every number has come yet.

/// The entry of a number, in a list that grows until it has one.
///
/// ```text
///   [a, b] and 3  ->  [a, b, -, -]
///                               ^
/// ```
pub fn grown<T: Default>(list: &mut Vec<T>, number: usize) -> &mut T {
    if list.len() <= number {
        list.resize_with(number + 1, T::default);
    }
    &mut list[number]
}
