package org.jobwitness.server.report;

/**
 * The SQL that computes what ended runs add to the sums of their day, from their record and the sums of their samples: for each
 * run {@code :keys}, a row for the run as a whole and one for each of its nodes, with the columns of {@code report_fact}.
 *
 * <p>A run's CPUs and GPUs are shared out to its nodes as they have them, and its memory evenly. The use on a node is known if an
 * epilog read it, or if samples stand for at least half of the time. Figures of a node itself count before those of the run as a
 * whole, which people may send. No amount of a node is more than 1e14, some 3,000 CPU-years: whatever is reported of a run, a sum
 * does not overflow, which would stop all sums.
 */
final class RunFacts {
    private static final String RUNS = """
            run as materialized (
                select job_key, (coalesce(end_time, listed_at) at time zone 'UTC')::date as day, owner_id, state,
                    coalesce(reason, '') as reason, cpus, nullif(memory_mb, 0) as memory_mib, gpus,
                    coalesce(greatest(0, round(1000 * extract(epoch from end_time - start_time))), 0)::bigint as lasted_ms,
                    (scheduler ->> 'suspended_seconds')::double precision * 1000 as suspended_ms,
                    case when scheduler ->> 'submit_time' is not null then round(1000 * extract(epoch from start_time
                        - least(start_time, (scheduler ->> 'submit_time')::timestamptz)))::bigint end as wait_ms
                from job join report_owner owner on owner.cluster = job.cluster
                    and coalesce(owner.user_name, '') = coalesce(job.user_name, '')
                    and coalesce(owner.uid, -1) = coalesce(job.uid, -1)
                    and coalesce(owner.account, '') = coalesce(job.account, '')
                    and coalesce(owner.partition, '') = coalesce(job.partition, '')
                where job_key = any(:keys) and state in ('completed', 'failed', 'cancelled')
            ), of_gpus as (
                select job_key, node, count(*) filter (where hold = 'alone' and utilization_count > 0) as measured,
                    sum(utilization_sum / nullif(utilization_count, 0)) filter (where hold = 'alone') as percent,
                    sum(energy_joules) filter (where hold = 'alone') as joules
                from job_gpu_figures where job_key = any(:keys) group by job_key, node
            ), model as (
                select job_key, string_agg(distinct device ->> 'model', ' + ' order by device ->> 'model') as gpu_model
                from job_gpu_figures where job_key = any(:keys) group by job_key
            ),
            """;
    private static final String NODES = """
            allocated as (
                select job_key, coalesce(node, '') as node, job_node.cpus as node_cpus, job_node.gpus as node_gpus,
                    coalesce(job_node.cpus, avg(job_node.cpus) over of_run, 1)::double precision as cpu_weight,
                    coalesce(job_node.gpus, avg(job_node.gpus) over of_run, 1)::double precision as gpu_weight,
                    count(*) over of_run as nodes
                from run left join job_node using (job_key) window of_run as (partition by job_key)
            ), shared as (
                select allocated.*, cpu_weight / nullif(sum(cpu_weight) over of_run, 0) as cpu_share,
                    gpu_weight / nullif(sum(gpu_weight) over of_run, 0) as gpu_share
                from allocated window of_run as (partition by job_key)
            ), on_node as (
                select run.*, shared.node, coalesce(run.cpus * cpu_share, node_cpus, 0) as node_cpus,
                    coalesce(run.gpus * gpu_share, node_gpus, 0) as node_gpus,
                    run.memory_mib::double precision / nodes as node_mib,
                    case when of_gpus.measured > 0
                        then least(of_gpus.measured, coalesce(run.gpus * gpu_share, node_gpus, 0)) else 0 end as gpus_measured,
                    of_gpus.percent / nullif(of_gpus.measured, 0) as gpu_percent, joules,
                    figures.cpu_usage_usec / 1e3 * case figures.node when '' then cpu_share else 1 end as cpu_counter_ms,
                    figures.cpu_sum / nullif(figures.cpu_count, 0) as cpu_percent,
                    figures.gpu_sum / nullif(figures.gpu_count, 0) as job_gpu_percent, figures.covered_ms,
                    greatest(memory_peak_bytes, memory_max_bytes) / 1048576.0
                        / case figures.node when '' then nodes else 1 end as peak_mib,
                    greatest(0, lasted_ms - coalesce(greatest(run.suspended_ms,
                        max(figures.suspended_ms) over (partition by run.job_key)), 0)) as ran_ms
                from shared join run using (job_key)
                left join of_gpus on of_gpus.job_key = run.job_key and of_gpus.node = shared.node
                left join lateral (
                    select * from job_figures where job_figures.job_key = run.job_key and node in (shared.node, '')
                    order by node = '' limit 1) figures on true
            ),
            """;
    private static final String AMOUNTS = """
            known as (
                select *, least(1e14, node_cpus * ran_ms) as cpu, least(1e14, node_gpus * ran_ms) as gpu,
                        least(1e14, coalesce(node_mib * ran_ms / 1e3, 0)) as memory,
                    coalesce(covered_ms * 2 >= ran_ms, true) as is_covered
                from on_node
            ), used as (
                select known.*,
                    case when cpu > 0 and is_covered then nullif(least(1e14, coalesce(cpu_counter_ms, cpu_percent / 100 * cpu, -1)), -1) end as cpu_used,
                    case when gpus_measured > 0 and is_covered then least(1e14, gpus_measured * ran_ms)
                        when gpus_measured = 0 and job_gpu_percent is not null and is_covered then gpu
                        else 0 end as gpu_measured,
                    coalesce(gpu_percent, job_gpu_percent) / 100 as gpu_part,
                    case when memory > 0 then nullif(least(1e14, coalesce(peak_mib * ran_ms / 1e3, -1)), -1) end as memory_used
                from known
            ), fact as (
                select job_key, node, day, owner_id, coalesce(gpu_model, '') as gpu_model, state, reason, 1::bigint as runs,
                    (ran_ms > 0 and cpu_used is null)::integer::bigint as not_measured_runs, ran_ms::bigint as node_ms,
                    case when covered_ms > 0 then least(covered_ms, ran_ms) else 0 end::bigint as covered_ms, round(cpu)::bigint as cpu_ms,
                    case when cpu_used is null then 0 else round(cpu)::bigint end as cpu_measured_ms,
                    coalesce(round(cpu_used), 0)::bigint as cpu_used_ms,
                    coalesce(greatest(0, round(cpu) - round(cpu_used)), 0)::bigint as cpu_wasted_ms,
                    round(gpu)::bigint as gpu_ms, round(gpu_measured)::bigint as gpu_measured_ms,
                    coalesce(round(gpu_measured * gpu_part), 0)::bigint as gpu_used_ms,
                    coalesce(greatest(0, round(gpu_measured) - round(gpu_measured * gpu_part)), 0)::bigint as gpu_wasted_ms,
                    round(memory)::bigint as memory_mib_s,
                    case when memory_used is null then 0 else round(memory)::bigint end as memory_measured_mib_s,
                    coalesce(round(memory_used), 0)::bigint as memory_used_mib_s,
                    coalesce(greatest(0, round(memory) - round(memory_used)), 0)::bigint as memory_wasted_mib_s,
                    coalesce(round(least(1e14, coalesce(joules, 0))), 0)::bigint as gpu_energy_joules,
                    (wait_ms is not null)::integer::bigint as waits, coalesce(wait_ms, 0) as wait_ms
                from used left join model using (job_key)
            ),
            """;
    /** Of a run as a whole, nodes are added up; it counts once, and is not measured if it is not on any node. */
    private static final String WHOLE = """
            fresh as materialized (
                select job_key, '' as node, day, owner_id, gpu_model, state, reason, %s
                from fact group by job_key, day, owner_id, gpu_model, state, reason
                union all
                select * from fact where node <> ''
            )
            """.formatted(Amount.each("sum(%1$s)::bigint as %1$s").replace("sum(runs)", "min(runs)")
            .replace("sum(not_measured_runs)", "min(not_measured_runs)").replace("sum(waits)", "min(waits)")
            .replace("sum(wait_ms)", "min(wait_ms)"));
    /** Common table expressions, of which {@code fresh} has the facts. */
    static final String SQL = RUNS + NODES + AMOUNTS + WHOLE;

    private RunFacts() {
    }
}
