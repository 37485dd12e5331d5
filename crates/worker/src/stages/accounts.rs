//! Accounts that objects name.

use bucketload_archive::AccountRecord;
use bucketload_bitbucket::{Account, Loose};

/// The rows of the accounts that an object names.
pub(crate) fn account_records<'a>(
    accounts: impl Iterator<Item = &'a Loose<Account>>,
) -> impl Iterator<Item = AccountRecord<'a>> {
    accounts.filter_map(|loose| {
        let account = loose.value.as_ref()?;
        Some(AccountRecord {
            uuid: &account.uuid,
            kind: account.kind.as_deref(),
            account_id: account.account_id.as_deref(),
            display_name: account.display_name.as_deref(),
            nickname: account.nickname.as_deref(),
            source: loose.source.get(),
        })
    })
}

/// The UUID of an account, where it can be read.
pub(super) fn account_uuid(account: Option<&Loose<Account>>) -> Option<&str> {
    Some(account?.value.as_ref()?.uuid.as_str())
}
