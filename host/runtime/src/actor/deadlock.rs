//! Who waits for whom. An actor works on one message at a time, so actors that wait for each other in a circle would
//! wait for ever. Before an actor waits, the circle is looked for; the one that would close it gets an error instead.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::ActorName;

/// The actors of one process that wait for others inside a call.
#[derive(Debug, Default)]
pub(crate) struct WaitGraph {
    waits: Mutex<HashMap<ActorName, Wait>>,
}

#[derive(Debug)]
struct Wait {
    /// Whose results are awaited.
    targets: Vec<ActorName>,
    /// How many of them are enough.
    needed: usize,
}

impl WaitGraph {
    /// Notes that `waiter` waits for `needed` of `targets`, until the guard is dropped.
    ///
    /// # Errors
    ///
    /// The circle, as names from the waiter back to it, if the wait would never end.
    pub(crate) fn enter(
        &self,
        waiter: &ActorName,
        targets: Vec<ActorName>,
        needed: usize,
    ) -> Result<WaitGuard<'_>, Vec<ActorName>> {
        let mut waits = self.lock();
        waits.insert(waiter.clone(), Wait { targets, needed });
        if let Some(circle) = circle_from(&waits, waiter) {
            waits.remove(waiter);
            return Err(circle);
        }
        Ok(WaitGuard { graph: self, waiter: waiter.clone() })
    }

    /// Notes that an actor waits no more, before it knows itself.
    pub(crate) fn leave(&self, waiter: &ActorName) {
        self.lock().remove(waiter);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ActorName, Wait>> {
        self.waits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends the wait when it is dropped.
pub(crate) struct WaitGuard<'a> {
    graph: &'a WaitGraph,
    waiter: ActorName,
}

impl Drop for WaitGuard<'_> {
    fn drop(&mut self) {
        self.graph.lock().remove(&self.waiter);
    }
}

/// The circle that keeps `waiter` from ever going on, if there is one.
fn circle_from(waits: &HashMap<ActorName, Wait>, waiter: &ActorName) -> Option<Vec<ActorName>> {
    let mut reachable = vec![waiter];
    let mut seen: HashSet<&ActorName> = HashSet::from([waiter]);
    let mut at = 0;
    while let Some(name) = reachable.get(at) {
        for target in waits.get(*name).iter().flat_map(|wait| &wait.targets) {
            if seen.insert(target) {
                reachable.push(target);
            }
        }
        at += 1;
    }
    // Whoever does not wait goes on some day, and so does whoever waits for enough of those.
    let mut goes_on: HashSet<&ActorName> = HashSet::new();
    loop {
        let more: Vec<&ActorName> = reachable
            .iter()
            .filter(|name| !goes_on.contains(**name))
            .filter(|name| {
                waits.get(**name).is_none_or(|wait| {
                    wait.targets.iter().filter(|target| goes_on.contains(target)).count() >= wait.needed
                })
            })
            .copied()
            .collect();
        if more.is_empty() {
            break;
        }
        goes_on.extend(more);
    }
    if goes_on.contains(waiter) {
        return None;
    }
    let mut circle = vec![waiter.clone()];
    let mut name = waiter;
    while let Some(next) = waits.get(name).and_then(|wait| wait.targets.iter().find(|target| !goes_on.contains(target)))
    {
        let closed = circle.contains(next);
        circle.push(next.clone());
        if closed {
            break;
        }
        name = next;
    }
    Some(circle)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> ActorName {
        text.parse().unwrap()
    }

    fn wait<'a>(
        graph: &'a WaitGraph,
        waiter: &str,
        targets: &[&str],
        needed: usize,
    ) -> Result<WaitGuard<'a>, Vec<ActorName>> {
        graph.enter(&name(waiter), targets.iter().map(|target| name(target)).collect(), needed)
    }

    #[test]
    fn the_one_that_would_close_a_circle_is_told_its_members() {
        let graph = WaitGraph::default();
        let _a = wait(&graph, "a", &["b"], 1).unwrap();
        let _b = wait(&graph, "b", &["c"], 1).unwrap();
        let circle = wait(&graph, "c", &["a"], 1).err().unwrap();
        assert_eq!(circle, ["c", "a", "b", "c"].map(name));
    }

    #[test]
    fn an_actor_that_calls_itself_is_a_circle() {
        assert!(wait(&WaitGraph::default(), "a", &["a"], 1).is_err());
    }

    #[test]
    fn a_wait_that_is_over_closes_no_circle() {
        let graph = WaitGraph::default();
        drop(wait(&graph, "a", &["b"], 1).unwrap());
        assert!(wait(&graph, "b", &["a"], 1).is_ok());
    }

    #[test]
    fn waiting_for_one_of_several_goes_on_as_long_as_one_of_them_does() {
        let graph = WaitGraph::default();
        let _a = wait(&graph, "a", &["b", "free"], 1).unwrap();
        assert!(wait(&graph, "b", &["a"], 1).is_ok());
        let graph = WaitGraph::default();
        let _a = wait(&graph, "a", &["b", "free"], 2).unwrap();
        assert!(wait(&graph, "b", &["a"], 1).is_err());
    }
}
