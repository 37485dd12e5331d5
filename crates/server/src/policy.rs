//! Who may come in, and what administrators must not do by accident. Pure decisions.

use bucketload_archive::UserRecord;
use bucketload_model::{UserId, UserRole, UserState, WorkspaceSlug};

use crate::switches::{Admission, Switches};

/// What is known of somebody who comes back from Bitbucket.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrival<'a> {
    /// Whose identity the account is.
    pub(crate) known: Option<&'a UserRecord>,
    /// Users of the account's primary and confirmed address.
    pub(crate) same_email: &'a [UserRecord],
    /// The account's workspaces, where they were asked for.
    pub(crate) workspaces: &'a [WorkspaceSlug],
}

/// What becomes of somebody who comes back from Bitbucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Welcome {
    /// They are this user.
    SignIn(UserId),
    /// They are this user from now on.
    Link(UserId),
    /// They are new.
    Create {
        /// What they may do.
        role: UserRole,
        /// Whether they may come in yet.
        state: UserState,
    },
}

/// Why somebody does not come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Nobody signs in with Bitbucket.
    SwitchedOff,
    /// An administrator has blocked them.
    Blocked,
    /// They have no account, and nobody gets one by signing in.
    NoAccount,
    /// They have no account, and are in none of the workspaces whose members get one.
    OtherWorkspace,
    /// More than one user has their address.
    SharedAddress,
}

/// Whether the account's workspaces decide, and are worth a request.
pub(crate) fn asks_for_workspaces(switches: &Switches, is_known: bool) -> bool {
    !is_known && switches.admission == Admission::Members
}

/// Decides about somebody who comes back from Bitbucket.
pub(crate) fn welcome(switches: &Switches, arrival: Arrival<'_>) -> Result<Welcome, Refusal> {
    if !switches.bitbucket_sign_in {
        return Err(Refusal::SwitchedOff);
    }
    if let Some(user) = arrival.known {
        return unless_blocked(user).map(Welcome::SignIn);
    }
    if switches.link_by_email {
        match arrival.same_email {
            [] => {}
            [user] => return unless_blocked(user).map(Welcome::Link),
            _ => return Err(Refusal::SharedAddress),
        }
    }
    let may_come = match switches.admission {
        Admission::Nobody => return Err(Refusal::NoAccount),
        Admission::Members => {
            let named = |slug| switches.workspaces.contains(slug);
            arrival.workspaces.iter().any(named)
        }
        Admission::Anyone => true,
    };
    if !may_come {
        return Err(Refusal::OtherWorkspace);
    }
    Ok(Welcome::Create {
        role: switches.new_role,
        state: if switches.approval {
            UserState::Pending
        } else {
            UserState::Active
        },
    })
}

fn unless_blocked(user: &UserRecord) -> Result<UserId, Refusal> {
    match user.state {
        UserState::Blocked => Err(Refusal::Blocked),
        UserState::Active | UserState::Pending => Ok(user.id),
    }
}

/// Why a change to a user is not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Locked {
    /// Nobody would be left to decide anything.
    LastAdministrator,
}

/// Whether a user may become this.
pub(crate) fn may_become(
    user: &UserRecord,
    role: UserRole,
    state: UserState,
    active_administrators: u64,
) -> Result<(), Locked> {
    let is = |role, state| role == UserRole::Administrator && state == UserState::Active;
    if is(user.role, user.state) && !is(role, state) && active_administrators <= 1 {
        return Err(Locked::LastAdministrator);
    }
    Ok(())
}

/// What disconnecting an identity means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Disconnect {
    /// There are other ways in.
    Harmless,
    /// It is the last way in: they are asked twice.
    LastWayIn,
    /// It is the last administrator's last way in.
    LockedOut,
}

/// What disconnecting one of so many identities means for a user.
pub(crate) fn disconnect(
    user: &UserRecord,
    identities: u64,
    active_administrators: u64,
) -> Disconnect {
    let is_last_administrator = user.role == UserRole::Administrator && active_administrators <= 1;
    match (identities, is_last_administrator) {
        (2.., _) => Disconnect::Harmless,
        (_, false) => Disconnect::LastWayIn,
        (_, true) => Disconnect::LockedOut,
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn user(state: UserState) -> UserRecord {
        UserRecord {
            id: UserId::new(DateTime::UNIX_EPOCH),
            display_name: "Ada".to_owned(),
            email: Some("ada@example.com".to_owned()),
            role: UserRole::Administrator,
            state,
            created_at: DateTime::UNIX_EPOCH,
            seen_at: None,
        }
    }

    fn switches(admission: Admission) -> Switches {
        Switches {
            admission,
            workspaces: vec!["teapots".parse().unwrap()],
            ..Switches::default()
        }
    }

    fn stranger(workspaces: &[WorkspaceSlug]) -> Arrival<'_> {
        Arrival {
            known: None,
            same_email: &[],
            workspaces,
        }
    }

    #[test]
    fn strangers_come_in_as_far_as_the_switches_say() {
        let teapots: WorkspaceSlug = "teapots".parse().unwrap();
        let others: WorkspaceSlug = "others".parse().unwrap();
        let pending = Ok(Welcome::Create {
            role: UserRole::Viewer,
            state: UserState::Pending,
        });
        let table = [
            (
                Admission::Nobody,
                vec![teapots.clone()],
                Err(Refusal::NoAccount),
            ),
            (Admission::Members, vec![], Err(Refusal::OtherWorkspace)),
            (
                Admission::Members,
                vec![others.clone()],
                Err(Refusal::OtherWorkspace),
            ),
            (Admission::Members, vec![others, teapots], pending),
            (Admission::Anyone, vec![], pending),
        ];
        for (admission, workspaces, expected) in table {
            let decided = welcome(&switches(admission), stranger(&workspaces));
            assert_eq!(decided, expected, "{admission:?} {workspaces:?}");
        }
    }

    #[test]
    fn approval_and_role_are_as_switched() {
        let switches = Switches {
            approval: false,
            new_role: UserRole::Member,
            ..switches(Admission::Anyone)
        };
        let created = Welcome::Create {
            role: UserRole::Member,
            state: UserState::Active,
        };
        assert_eq!(welcome(&switches, stranger(&[])), Ok(created));
    }

    #[test]
    fn who_is_known_comes_in_whatever_the_admission_unless_blocked() {
        for (state, expected) in [
            (UserState::Active, true),
            (UserState::Pending, true),
            (UserState::Blocked, false),
        ] {
            let user = user(state);
            let arrival = Arrival {
                known: Some(&user),
                ..stranger(&[])
            };
            let decided = welcome(&switches(Admission::Nobody), arrival);
            let welcome = Ok(Welcome::SignIn(user.id));
            assert_eq!(decided == welcome, expected, "{state}");
            assert!(expected || decided == Err(Refusal::Blocked));
        }
    }

    #[test]
    fn a_confirmed_address_links_only_where_that_is_switched_on() {
        let known = [user(UserState::Active)];
        let arrival = Arrival {
            same_email: &known,
            ..stranger(&[])
        };
        let off = switches(Admission::Nobody);
        assert_eq!(welcome(&off, arrival), Err(Refusal::NoAccount));
        let on = Switches {
            link_by_email: true,
            ..off
        };
        assert_eq!(welcome(&on, arrival), Ok(Welcome::Link(known[0].id)));
        let blocked = [user(UserState::Blocked)];
        let arrival = Arrival {
            same_email: &blocked,
            ..stranger(&[])
        };
        assert_eq!(welcome(&on, arrival), Err(Refusal::Blocked));
        let two = [user(UserState::Active), user(UserState::Active)];
        let arrival = Arrival {
            same_email: &two,
            ..stranger(&[])
        };
        assert_eq!(welcome(&on, arrival), Err(Refusal::SharedAddress));
    }

    #[test]
    fn nobody_signs_in_while_it_is_switched_off() {
        let known = user(UserState::Active);
        let off = Switches {
            bitbucket_sign_in: false,
            ..switches(Admission::Anyone)
        };
        for known in [None, Some(&known)] {
            let arrival = Arrival {
                known,
                ..stranger(&[])
            };
            assert_eq!(welcome(&off, arrival), Err(Refusal::SwitchedOff));
        }
    }

    #[test]
    fn workspaces_are_asked_for_only_where_they_decide() {
        assert!(asks_for_workspaces(&switches(Admission::Members), false));
        assert!(!asks_for_workspaces(&switches(Admission::Members), true));
        assert!(!asks_for_workspaces(&switches(Admission::Anyone), false));
    }

    #[test]
    fn the_last_administrator_stays_one() {
        let ada = user(UserState::Active);
        let (admin, member) = (UserRole::Administrator, UserRole::Member);
        for (role, state, others, expected) in [
            (member, UserState::Active, 0, false),
            (admin, UserState::Blocked, 0, false),
            (admin, UserState::Active, 0, true),
            (member, UserState::Active, 1, true),
            (admin, UserState::Blocked, 1, true),
        ] {
            let may = may_become(&ada, role, state, others + 1);
            assert_eq!(may.is_ok(), expected, "{role} {state} {others}");
        }
        // One who is blocked is none of them.
        let blocked = user(UserState::Blocked);
        assert!(may_become(&blocked, member, UserState::Blocked, 1).is_ok());
    }

    #[test]
    fn the_last_way_in_is_not_closed_by_accident() {
        let ada = user(UserState::Active);
        assert_eq!(disconnect(&ada, 2, 1), Disconnect::Harmless);
        assert_eq!(disconnect(&ada, 1, 2), Disconnect::LastWayIn);
        assert_eq!(disconnect(&ada, 1, 1), Disconnect::LockedOut);
    }
}
