-- The same two as before, but the partition is made beside the table and then attached: CREATE ... PARTITION OF waits for
-- every reader of the whole table, and everybody else then waits behind it; ATTACH waits for no reader or writer. And
-- to_regclass may not see yet what another session has just made: it trusts a cache, which an advisory lock does not renew.
create or replace function audit_partition(month date) returns void language plpgsql as $$
declare
    first date := date_trunc('month', month);
    name  text := 'audit_' || to_char(first, 'YYYY_MM');
begin
    if not exists (select from pg_class where relname = name and pg_table_is_visible(oid)) then
        execute format('create table %I (like audit including defaults including constraints)', name);
        execute format('alter table audit attach partition %I for values from (%L) to (%L)', name,
                first::timestamp at time zone 'UTC', (first + interval '1 month')::timestamp at time zone 'UTC');
        execute format('create trigger audit_is_not_truncated before truncate on %I
                for each statement execute function audit_is_for_good()', name);
    end if;
end $$;

create or replace function sample_partition(day date) returns void language plpgsql as $$
declare
    name text := 'sample_' || to_char(day, 'YYYY_MM_DD');
begin
    if not exists (select from pg_class where relname = name and pg_table_is_visible(oid)) then
        execute format('create table %I (like sample including defaults including constraints)', name);
        execute format('alter table sample attach partition %I for values from (%L) to (%L)', name,
                day::timestamp at time zone 'UTC', (day + 1)::timestamp at time zone 'UTC');
    end if;
end $$;

create index job_end_unknown on job (listed_at) where end_time is null and state not in ('pending', 'running');
comment on index job_end_unknown is 'JobTable.deleteEndedBefore: ended runs of which nobody said when. job_ended has the others.';

-- How many runs have left by their retention: hpc_job_total must not fall when the server starts anew.
create table job_deleted (
    cluster text primary key,
    runs    bigint not null
);
