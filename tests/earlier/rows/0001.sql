-- Two repositories: one whose import ended, and one whose import was interrupted.
insert into repositories values
    ('{7b764bc5-c3f3-4910-a90b-000000000001}', 'teapots', 'kettle', 'Kettle ☕', 'git', 1, 'main',
     123456, '2026-11-20T10:00:00.000000+00:00',
     '{"uuid": "{7b764bc5-c3f3-4910-a90b-000000000001}", "name": "Kettle ☕", "odd":  1.0}'),
    ('{7b764bc5-c3f3-4910-a90b-000000000002}', 'teapots', 'stove', null, null, null, null, null,
     null, '{}');

insert into accounts values
    ('{7b764bc5-c3f3-4910-a90b-000000000001}', '{00000000-0000-4000-8000-00000000000a}', 'user',
     '557058:ada', 'Ada', 'ada', '01990000-0000-7000-8000-000000000001',
     '{"display_name": "Ada", "nickname": "ada"}'),
    ('{7b764bc5-c3f3-4910-a90b-000000000001}', '{00000000-0000-4000-8000-00000000000b}', 'user',
     null, 'Former user', null, '01990000-0000-7000-8000-000000000001', '{}');

insert into workspace_members values
    ('teapots', '{00000000-0000-4000-8000-00000000000a}', '{"display_name": "Ada"}',
     '{"user": {"display_name": "Ada"}}');

insert into workspace_member_lists values ('teapots', 1795000000000);

insert into pull_requests values
    ('{7b764bc5-c3f3-4910-a90b-000000000001}', 1, 'Boil faster', 'MERGED',
     '{00000000-0000-4000-8000-00000000000a}', 'boil', 'main', 2, 3,
     '2026-11-20T10:00:00.000000+00:00', '2026-11-21T10:00:00.000000+00:00',
     '{"id": 1, "title": "Boil faster"}'),
    ('{7b764bc5-c3f3-4910-a90b-000000000001}', 2, null, null, null, null, null, null, null, null,
     null, '{"id": 2}');

insert into pull_request_comments values
    ('{7b764bc5-c3f3-4910-a90b-000000000001}', 10, 1, null,
     '{00000000-0000-4000-8000-00000000000a}', 'src/boil.c', 0,
     '2026-11-20T11:00:00.000000+00:00', null, '{"id": 10, "content": {"raw": "Nice"}}'),
    ('{7b764bc5-c3f3-4910-a90b-000000000001}', 11, 1, 10, null, null, 1, null, null,
     '{"id": 11, "deleted": true}');

insert into pending values
    ('{7b764bc5-c3f3-4910-a90b-000000000002}', 'pull_request_comments', 7,
     'https://api.bitbucket.org/2.0/repositories/teapots/stove/pullrequests/7/comments?page=2', 3);

insert into imports values
    ('01990000-0000-7000-8000-000000000001', 'teapots', 'kettle',
     '{7b764bc5-c3f3-4910-a90b-000000000001}',
     'repository,git,users,pull_requests,pull_request_comments,finish', 'complete_with_gaps', null,
     5, 4096, 1795000000000, 1795000060000),
    ('01990000-0000-7000-8000-000000000002', 'teapots', 'stove',
     '{7b764bc5-c3f3-4910-a90b-000000000002}', 'repository,pull_requests,finish', 'failed',
     'the network went away', 0, 0, 1795000100000, 1795000160000);

insert into import_stages values
    ('01990000-0000-7000-8000-000000000001', 'pull_requests', 'complete', 2, 2, 0, 1200,
     '"end_of_list"'),
    ('01990000-0000-7000-8000-000000000001', 'pull_request_comments', 'complete_with_gaps', 3, 2,
     1, 300, null),
    ('01990000-0000-7000-8000-000000000002', 'pull_requests', 'failed', null, 0, 0, 0,
     '{"next_page":"https://api.bitbucket.org/2.0/repositories/teapots/stove/pullrequests?page=2"}');

insert into import_requests values
    ('01990000-0000-7000-8000-000000000001', 'pullrequests', 4);

insert into gaps values
    ('01990000-0000-7000-8000-000000000001', 'pull_request_comments', 'pull_request/1/comment/12',
     'source_error', '500', 'https://bitbucket.org/teapots/kettle/pull-requests/1');
