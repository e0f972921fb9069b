-- OOM kills of runs whose moment was seen. Only sample.OomKills writes here. They stay as long as their run.
create table oom_kill (
    job_key     bigint not null references job on delete cascade,
    at          timestamptz not null,
    node        text not null,
    step        text not null,
    cause       text not null check (cause in ('limit', 'node')),
    killed      integer not null,
    limit_bytes bigint,
    primary key (job_key, at, node, step, cause)
);
comment on table oom_kill is 'Serves JobQueries.runs by its key, which also makes a kill that is told twice count once.';
comment on column oom_kill.step is 'Empty where it was not known.';
comment on column oom_kill.cause is 'Which memory had run out: the limit of the job or step, or the node''s.';
comment on column oom_kill.limit_bytes is 'memory.max at that moment; null where it was not read.';
