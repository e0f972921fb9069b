-- How asking the scheduler goes, whichever server does it, and how far it has come. Only scheduler.ContactTable writes here.
create table scheduler_contact (
    part        text primary key check (part in ('controller', 'accounting', 'nodes')),
    asked_at    timestamptz not null,
    answered_at timestamptz,
    trouble     text,
    told_to     timestamptz
);
comment on column scheduler_contact.trouble is 'What was wrong when it was asked last; null if it answered.';
comment on column scheduler_contact.told_to is 'Of accounting: what ended up to then has been learned.';

alter table node add column state_reason text;
comment on column node.state_reason is 'Why it is in its state, as the scheduler says.';
