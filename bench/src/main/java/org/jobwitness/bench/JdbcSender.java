package org.jobwitness.bench;

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import org.jobwitness.server.db.DatabaseAddress;
import org.jspecify.annotations.Nullable;

/** Only the statements that the server executes for a start and an end. */
final class JdbcSender implements EventBench.Sender {
    private final Connection connection;
    private final PreparedStatement lock;
    private final PreparedStatement runs;
    private final PreparedStatement create;
    private final PreparedStatement nodes;
    private final PreparedStatement here;
    private final PreparedStatement end;
    private final PreparedStatement audit;

    JdbcSender(DatabaseAddress address) throws SQLException {
        connection = DriverManager.getConnection(address.jdbcUrl(), address.user(), address.password());
        connection.setAutoCommit(false);
        lock = connection.prepareStatement("select pg_advisory_xact_lock(hashtextextended('bare/' || ?, 0))");
        runs = connection.prepareStatement("""
                select job.*, here.* from job left join job_node here on here.job_key = job.job_key and here.node = 'n1'
                where job_id = ? and cluster = 'bare'""");
        create = connection.prepareStatement("""
                insert into job (recorded_at, cluster, job_id, scheduler_start, start_seen, start_time, user_name, uid,
                    nodes, partition, restart_count, deadline, cpus, gpu_devices, end_seen, oom_killed, superseded,
                    requeued, state, newest)
                values (now(), 'bare', ?, '2026-01-01', true, '2026-01-01', 'alice', 1001, '{n1,n2}', 'batch', 0,
                    '2026-01-02', 8, '{}', false, false, false, false, 'running', true) returning job_key""");
        nodes = connection.prepareStatement("""
                insert into job_node (job_key, node, cpus)
                select ?, incoming.node, incoming.cpus from unnest('{n1,n2}'::text[], '{4,4}'::int[]) as incoming (node, cpus)
                on conflict (job_key, node) do update set cpus = excluded.cpus
                where job_node.cpus is null and excluded.cpus is not null""");
        here = connection.prepareStatement("""
                insert into job_node (job_key, node, gpu_devices, ended) values (?, 'n1', '{}', ?)
                on conflict (job_key, node) do update set gpus = excluded.gpus, gpu_vendor = excluded.gpu_vendor,
                    gpu_devices = excluded.gpu_devices, cgroup_path = excluded.cgroup_path, ended = excluded.ended""");
        end = connection.prepareStatement("""
                update job set end_seen = true, end_time = '2026-01-01 01:00', exit_code = 1, exit_signal = 0,
                    derived_exit_code = 0, end_restart_count = 0, state = 'failed', reason = 'exit_code',
                    confirmed = true, nodes = '{n1,n2}' where job_key = ?""");
        audit = connection.prepareStatement("""
                insert into audit (job_key, cluster, job_id, action, actor, correlation_id, event_id, before, after)
                values (?, 'bare', ?, ?, 'anonymous', '0', ?, cast(? as jsonb), cast(? as jsonb))""");
    }

    @Override
    public void started(long job) throws SQLException {
        String id = Long.toString(job);
        begin(id);
        create.setString(1, id);
        long key = one(create);
        nodes.setLong(1, key);
        nodes.execute();
        onNode(key, false);
        audit(key, id, "created", null, """
                {"job_id":"%s","cluster":"bare","state":"running","start_time":"2026-01-01T00:00:00Z","user":"alice",\
                "uid":1001,"nodes":["n1","n2"],"partition":"batch","restart_count":0,"allocated_cpus":8}"""
                .formatted(id));
    }

    @Override
    public void finished(long job) throws SQLException {
        String id = Long.toString(job);
        long key = begin(id);
        end.setLong(1, key);
        end.execute();
        onNode(key, true);
        audit(key, id, "updated", "{\"state\":\"running\"}", """
                {"state":"failed","reason":"exit_code","confirmed":true,"end_time":"2026-01-01T01:00:00Z","exit_code":1,\
                "signal":0,"derived_exit_code":0,"end_restart_count":0,"node n1 ended":true}""");
    }

    private long begin(String id) throws SQLException {
        lock.setString(1, id);
        lock.execute();
        runs.setString(1, id);
        return one(runs);
    }

    private static long one(PreparedStatement statement) throws SQLException {
        try (ResultSet row = statement.executeQuery()) {
            return row.next() ? row.getLong("job_key") : 0;
        }
    }

    private void onNode(long key, boolean ended) throws SQLException {
        here.setLong(1, key);
        here.setBoolean(2, ended);
        here.execute();
    }

    private void audit(long key, String id, String action, @Nullable String before,
            String after) throws SQLException {
        audit.setLong(1, key);
        audit.setString(2, id);
        audit.setString(3, action);
        audit.setString(4, action + id);
        audit.setString(5, before);
        audit.setString(6, after);
        audit.execute();
        connection.commit();
    }

    @Override
    public void close() throws SQLException {
        connection.close();
    }
}
