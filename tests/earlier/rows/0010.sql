-- What came with accounts, credentials and the queue.
insert into rate_buckets values
    ('rest:ada', '{"used":{"1795000000000":7},"limit":1000,"stopped_until":0}');

insert into covered_lists values
    ('{7b764bc5-c3f3-4910-a90b-000000000001}', 'pull_requests',
     '2026-11-21T10:00:00+00:00', 1795000050000, 2);

insert into announced_removals values
    ('pullrequests', '@1795000000', 'Wed, 01 Dec 2027 00:00:00 GMT', null, 1795000050000);

insert into pull_request_activity values
    ('{7b764bc5-c3f3-4910-a90b-000000000001}', 1,
     'approval 2026-11-21T09:00:00+00:00 {00000000-0000-4000-8000-00000000000a}', 'approval', null,
     null, 0, '2026-11-21T09:00:00+00:00', '{"approval": {"date": "2026-11-21T09:00:00+00:00"}}');

insert into entity_tags values
    ('https://api.bitbucket.org/2.0/repositories/teapots/kettle', 'W/"1"',
     'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');

insert into credentials values
    ('01990000-0000-7000-8000-0000000000c1', 'access_token', 'kettle token', null, null, 'teapots',
     null, 'repository pullrequest', 'v1.sealed.by-a-key-that-is-gone', 1, 1795000000000, null,
     null, null, 1795000000000, 1795000050000, null, null);

insert into users values
    ('01990000-0000-7000-8000-0000000000a1', 'Ada', 'ada@example.org', 'administrator', 'active',
     1795000000000, 1795000050000);

insert into identities values
    ('{00000000-0000-4000-8000-00000000000a}', '01990000-0000-7000-8000-0000000000a1', 'Ada',
     'ada', 'ada@example.org', 1795000000000, null);

insert into sessions values
    ('1111111111111111111111111111111111111111111111111111111111111111', 'first',
     '01990000-0000-7000-8000-0000000000a1', null, 'a browser', 1795000000000, 1795000050000,
     1895000000000, 1895000000000);

insert into one_time_codes values
    ('2222222222222222222222222222222222222222222222222222222222222222', null, 1795000000000,
     1795001800000, 1);

insert into service_tokens values
    ('01990000-0000-7000-8000-0000000000d1',
     '3333333333333333333333333333333333333333333333333333333333333333',
     '01990000-0000-7000-8000-0000000000a1', 'nightly', 'read', 1795000000000, null, null);

insert into service_settings values ('imports_at_once', '3');

insert into audit_log values
    ('01990000-0000-7000-8000-0000000000e1', 1795000000000, '01990000-0000-7000-8000-0000000000a1',
     'Ada', 'signed in', '');

insert into import_schedules values
    ('teapots', 'kettle', 'repository,git,finish', '0 3 * * *', 1895000000000, 0, 'Ada', null);
