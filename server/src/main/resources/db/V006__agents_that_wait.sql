-- Agents that have something which should have been sent long ago; without a row for all others, so that it is nearly always
-- empty. Only batch.AgentsWaiting writes here.
create table agent_waiting (
    cluster text not null,
    node    text not null,
    batches integer not null,
    events  integer not null,
    since   timestamptz not null,
    told_at timestamptz not null,
    primary key (cluster, node)
);
comment on column agent_waiting.since is 'When the oldest of it was read on the node, by our clock.';
comment on column agent_waiting.told_at is 'When the agent said so last.';
