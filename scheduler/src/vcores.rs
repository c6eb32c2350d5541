//! Knows which vcores of which executor are free; the scheduler's view of the cluster is only as right as this.
//!
//! Ballista gives back what a task took when the task reports. It looks the task up in its job's graph, so a task that the
//! graph has dropped (its stage was rolled back because an executor was lost, its stage or job failed) gives back nothing, and
//! its vcores are gone until the scheduler ends. A [`VcoreLedger`] compares what was taken with what the graphs say is running:
//! the rest belongs to **orphans**, and becomes free again.
//!
//! # Invariants
//! - Free vcores of an executor, plus those of the tasks that graphs say it runs, never exceed what it registered with.
//! - Orphans keep their vcores while they may be running: until their executor reports, and at most [`ORPHAN_TIME_MAX`]. An
//!   executor whose cores they were would otherwise run more tasks than it has cores and memory for, and an orphan could write
//!   the shuffle file of the task that took its place. (Those of a cancelled job Ballista frees as it sends the cancellation.)

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// An orphan was told to stop, or fails when it fetches what isn't there any more, and reports: seconds. If nothing was heard
/// for this long, its report got lost, and waiting on would cost the jobs that need its vcores their deadlines.
pub(crate) const ORPHAN_TIME_MAX: Duration = Duration::from_secs(60);

/// What every registered executor has, and what was taken of it.
#[derive(Debug, Default)]
pub(crate) struct VcoreLedger {
    executors: HashMap<String, Account>,
}

#[derive(Debug, Default)]
struct Account {
    /// With which it registered.
    total: u32,
    /// Taken by tasks and not given back.
    taken: u32,
    /// Launches whose outcome Ballista has not told yet; a good one is told as "0 vcores given back", as an orphan's report is.
    launches: u32,
    /// Whether it has reported since the last settling.
    reported: bool,
    /// Since when some of what is taken belongs to orphans.
    orphans_since: Option<Instant>,
}

/// What a settling found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Settled {
    /// Free vcores of every registered executor.
    pub(crate) free: HashMap<String, u32>,
    /// What orphans gave back, by executor.
    pub(crate) returned: HashMap<String, u32>,
}

impl VcoreLedger {
    /// An executor came, or came back: it starts with all its vcores.
    pub(crate) fn register(&mut self, executor: &str, total: u32) {
        self.executors.insert(executor.to_owned(), Account { total, ..Account::default() });
    }

    /// An executor is gone.
    pub(crate) fn remove(&mut self, executor: &str) {
        self.executors.remove(executor);
    }

    /// A launch takes vcores for the tasks of one executor that are launched together.
    pub(crate) fn take(&mut self, executor: &str, vcores: u32) {
        if let Some(account) = self.executors.get_mut(executor) {
            account.taken += vcores;
            account.launches += 1;
        }
    }

    /// Ballista gives vcores back: after a launch, after a report, for a job that was cancelled.
    pub(crate) fn give_back(&mut self, executor: &str, vcores: u32) {
        if let Some(account) = self.executors.get_mut(executor) {
            account.taken = account.taken.saturating_sub(vcores);
            if vcores == 0 && account.launches > 0 {
                account.launches -= 1;
            } else {
                account.reported = true;
            }
        }
    }

    /// Makes what is taken agree with what is `running` by executor, but for orphans that may still run.
    pub(crate) fn settle(&mut self, running: &HashMap<String, u32>, now: Instant) -> Settled {
        let mut settled = Settled::default();
        for (executor, account) in &mut self.executors {
            let returned = account.settle(running.get(executor).copied().unwrap_or(0), now);
            if returned > 0 {
                settled.returned.insert(executor.clone(), returned);
            }
            settled.free.insert(executor.clone(), account.total.saturating_sub(account.taken));
        }
        settled
    }

    /// Executors whose orphans have had their time: the next settling frees what they took.
    pub(crate) fn overdue(&self, now: Instant) -> Vec<String> {
        let late = self.executors.iter().filter(|(_, account)| account.orphans_overdue(now));
        late.map(|(executor, _)| executor.clone()).collect()
    }
}

impl Account {
    fn settle(&mut self, running: u32, now: Instant) -> u32 {
        // Less is taken than runs when vcores were given back twice: for an orphan, and for the task that bears its number now.
        self.taken = self.taken.max(running);
        let orphaned = self.taken - running;
        let reported = std::mem::take(&mut self.reported);
        self.orphans_since = (orphaned > 0).then(|| self.orphans_since.unwrap_or(now));
        if orphaned == 0 || !(reported || self.orphans_overdue(now)) {
            return 0;
        }
        self.taken = running;
        self.orphans_since = None;
        orphaned
    }

    fn orphans_overdue(&self, now: Instant) -> bool {
        self.orphans_since.is_some_and(|since| now.saturating_duration_since(since) >= ORPHAN_TIME_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What happens to executor "a", which has 4 vcores.
    #[derive(Debug, Clone, Copy)]
    enum Event {
        Take(u32),
        GiveBack(u32),
        /// Registers again after it was given up.
        ComeBack,
        /// The graphs say that so many run; expected: free, and returned by orphans.
        Settle {
            running: u32,
            free: u32,
            returned: u32,
        },
        Wait(Duration),
    }
    use Event::{ComeBack, GiveBack, Settle, Take, Wait};

    const ALMOST: Duration = Duration::from_secs(ORPHAN_TIME_MAX.as_secs() - 1);

    fn play(name: &str, events: &[Event]) -> VcoreLedger {
        let mut ledger = VcoreLedger::default();
        ledger.register("a", 4);
        let mut now = Instant::now();
        for (step, event) in events.iter().enumerate() {
            match *event {
                Take(vcores) => ledger.take("a", vcores),
                GiveBack(vcores) => ledger.give_back("a", vcores),
                ComeBack => {
                    ledger.remove("a");
                    ledger.register("a", 4);
                }
                Wait(time) => now += time,
                Settle { running, free, returned } => {
                    let settled = ledger.settle(&HashMap::from([("a".to_owned(), running)]), now);
                    assert_eq!(settled.free["a"], free, "{name}, step {step}: free");
                    let found = settled.returned.get("a").copied().unwrap_or(0);
                    assert_eq!(found, returned, "{name}, step {step}: returned");
                }
            }
        }
        ledger
    }

    #[test]
    fn vcores_are_free_when_nothing_that_may_run_has_them() {
        let cases: &[(&str, &[Event])] = &[
            ("an idle executor has all", &[Settle { running: 0, free: 4, returned: 0 }]),
            (
                "tasks that run and report",
                &[
                    Take(3),
                    GiveBack(0),
                    Settle { running: 3, free: 1, returned: 0 },
                    GiveBack(2),
                    Settle { running: 1, free: 3, returned: 0 },
                    GiveBack(1),
                    Settle { running: 0, free: 4, returned: 0 },
                ],
            ),
            (
                "an orphan keeps its vcores until it reports",
                &[
                    Take(4),
                    GiveBack(0),
                    Settle { running: 1, free: 0, returned: 0 },
                    Wait(ALMOST),
                    Settle { running: 1, free: 0, returned: 0 },
                    GiveBack(0),
                    Settle { running: 1, free: 3, returned: 3 },
                ],
            ),
            (
                "the report comes before the rollback is seen",
                &[Take(1), GiveBack(0), GiveBack(0), Settle { running: 0, free: 4, returned: 1 }],
            ),
            (
                "a report about something else was long ago",
                &[
                    Take(2),
                    GiveBack(0),
                    GiveBack(1),
                    Settle { running: 1, free: 3, returned: 0 },
                    Settle { running: 0, free: 3, returned: 0 },
                    GiveBack(0),
                    Settle { running: 0, free: 4, returned: 1 },
                ],
            ),
            (
                "the launch of an orphan is no report of it",
                &[
                    Take(1),
                    Settle { running: 0, free: 3, returned: 0 },
                    GiveBack(0),
                    Settle { running: 0, free: 3, returned: 0 },
                    GiveBack(0),
                    Settle { running: 0, free: 4, returned: 1 },
                ],
            ),
            (
                "a lost report costs a bounded time",
                &[
                    Take(1),
                    GiveBack(0),
                    Settle { running: 0, free: 3, returned: 0 },
                    Wait(ORPHAN_TIME_MAX),
                    Settle { running: 0, free: 4, returned: 1 },
                ],
            ),
            (
                "the time of orphans starts anew when there were none between",
                &[
                    Take(1),
                    GiveBack(0),
                    Settle { running: 0, free: 3, returned: 0 },
                    Wait(ALMOST),
                    Settle { running: 1, free: 3, returned: 0 },
                    Wait(ALMOST),
                    Settle { running: 0, free: 3, returned: 0 },
                ],
            ),
            (
                "vcores given back twice are not free twice",
                &[Take(2), GiveBack(0), GiveBack(2), GiveBack(2), Settle { running: 2, free: 2, returned: 0 }],
            ),
            (
                "more is given back than was taken",
                &[Take(1), GiveBack(0), GiveBack(7), Settle { running: 0, free: 4, returned: 0 }],
            ),
            (
                "an executor that came back has all, but for what runs",
                &[
                    Take(4),
                    ComeBack,
                    GiveBack(4),
                    Settle { running: 0, free: 4, returned: 0 },
                    Settle { running: 3, free: 1, returned: 0 },
                    Settle { running: 6, free: 0, returned: 0 },
                ],
            ),
        ];
        for (name, events) in cases {
            play(name, events);
        }
    }

    #[test]
    fn orphans_are_overdue_after_their_time_and_until_they_are_settled() {
        let mut ledger = play("overdue", &[Take(1), GiveBack(0), Settle { running: 0, free: 3, returned: 0 }]);
        let seen = ledger.executors["a"].orphans_since.expect("there are orphans");
        assert!(ledger.overdue(seen + ALMOST).is_empty());
        let late = seen + ORPHAN_TIME_MAX;
        assert_eq!(ledger.overdue(late), ["a"]);
        ledger.settle(&HashMap::new(), late);
        assert!(ledger.overdue(late).is_empty());
    }

    #[test]
    fn executors_have_accounts_of_their_own() {
        let mut ledger = VcoreLedger::default();
        ledger.register("a", 1);
        ledger.register("b", 2);
        ledger.take("a", 1);
        ledger.take("nobody", 1);
        ledger.give_back("b", 1);
        ledger.give_back("nobody", 1);
        let settled = ledger.settle(&HashMap::new(), Instant::now());
        assert_eq!(settled.free, HashMap::from([("a".to_owned(), 0), ("b".to_owned(), 2)]));
        assert_eq!(settled.returned, HashMap::new());
        ledger.remove("a");
        let settled = ledger.settle(&HashMap::new(), Instant::now());
        assert_eq!(settled.free, HashMap::from([("b".to_owned(), 2)]));
    }
}
