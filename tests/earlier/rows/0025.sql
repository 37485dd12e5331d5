-- What came with notices, and with machines that share an object store.
insert into notices values
    ('01a22202-c443-7000-8000-02d66d9a60e0', 'failed', 'teapots/kettle', 1795000060000, null,
     'teapots', 'kettle', null, 'The import of teapots/kettle failed');

insert into notice_subscriptions values ('webhook', 'failed', 1795000000000, 1795000060000);

insert into notice_deliveries values
    ('01a22202-c443-7000-8000-02d66d9a60e0', 'webhook', 'pending', 1, 1795000060000,
     1795000120000, null, 'nobody answers', null, null);

insert into mirror_copies values
    ('{7b764bc5-c3f3-4910-a90b-000000000001}', 'git', 1,
     'git/7b764bc5-c3f3-4910-a90b-000000000001/git/one.bundle',
     '5555555555555555555555555555555555555555555555555555555555555555', 132000000);
