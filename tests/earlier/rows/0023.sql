-- What came with files, issues, wikis, large files, proofs, images, people and figures.
insert into blobs values
    ('9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08', 4, 1795000050000);

insert into issues values
    ('{7b764bc5-c3f3-4910-a90b-000000000001}', 3, 'issue_export', 'It drips', 'new', 'bug',
     'major', 'Ada', '2026-08-01T10:00:00+00:00', null, '{"id": 3, "title": "It drips"}', 0);

insert into issue_comments values
    ('{7b764bc5-c3f3-4910-a90b-000000000001}', 30, 3, 'issue_export', 'Ada', null, null,
     '{"id": 30, "issue": 3, "content": "Still"}', 1);

insert into issue_changes values
    ('{7b764bc5-c3f3-4910-a90b-000000000001}', 3, 30, 'status', 0, 'issue_export', null,
     '{"issue": 3, "field": "status"}', 1);

insert into issue_attachments values
    ('{7b764bc5-c3f3-4910-a90b-000000000001}', 3, 'drip.txt', 0, 'issue_export', 'drip.txt',
     '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
     '{"filename": "drip.txt"}');

insert into issue_fields values
    ('{7b764bc5-c3f3-4910-a90b-000000000001}', 'components', 'lid', 'issue_export',
     '{"name": "lid"}');

insert into issue_exports values
    ('{7b764bc5-c3f3-4910-a90b-000000000001}',
     '4444444444444444444444444444444444444444444444444444444444444444', 1795000050000, 1, 1, 1, 1);

insert into objects values
    ('{7b764bc5-c3f3-4910-a90b-000000000001}', 'pull_request_tasks', 1, 40, '', null, null, null,
     '{"id": 40, "state": "RESOLVED"}', 0);

insert into child_lists values
    ('{7b764bc5-c3f3-4910-a90b-000000000001}', 'pull_request_tasks', 1, 1);

insert into wikis values ('{7b764bc5-c3f3-4910-a90b-000000000001}', 'copy', 2);

insert into lfs_objects values
    ('{7b764bc5-c3f3-4910-a90b-000000000001}',
     '5555555555555555555555555555555555555555555555555555555555555555', 70000,
     '6666666666666666666666666666666666666666', 0, null);

insert into lfs_packs values
    ('{7b764bc5-c3f3-4910-a90b-000000000001}', 'pack-7777777777777777777777777777777777777777');

insert into proofs values
    ('{7b764bc5-c3f3-4910-a90b-000000000001}', null, 1795000050000, 1, 2, '{}');

insert into images values
    ('{7b764bc5-c3f3-4910-a90b-000000000001}', 'https://i.example.org/a.png',
     'https://i.example.org/a.png', 'i.example.org', null, null, null, 1795000050000,
     '{"url":"https://i.example.org/a.png"}');

insert into image_links values
    ('{7b764bc5-c3f3-4910-a90b-000000000001}', 'pull_request_comments', 1, 10, '',
     'https://i.example.org/a.png');

insert into person_names values
    ('teapots', '{00000000-0000-4000-8000-00000000000a}', 'display_name', 'Ada L.', '557058:ada',
     0, 1795000000000, 1795000050000);

insert into import_log values
    ('01990000-0000-7000-8000-0000000000f1', '01990000-0000-7000-8000-000000000001', 1795000000000,
     'began', null, 'by process 1');

insert into quota_uses values ('rest:ada', 1795000000000, 5, 2, 0);
