package org.jobwitness.server.privacy;

import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.jdbi.v3.core.Handle;
import org.jobwitness.server.access.AccessEvents;
import org.jobwitness.server.access.Caller;
import org.jobwitness.server.access.PersonalData;
import org.jobwitness.server.db.Condition;
import org.jobwitness.server.db.Database;

/**
 * All that is kept of a person as one zip file: for each table a file of JSON lines, each a row as it is stored, without the hashes
 * of tokens. Samples are not in it: {@code jobwitness-server export} writes those of a run.
 */
public final class UserExport {
    private static final String RUNS = "(select job_key from job where %1$s)";
    private final Database database;
    private final Person person;

    public UserExport(Database database, Person person) {
        this.database = database;
        this.person = person;
    }

    /** The rows of each file: {@code %1$s} is the condition on a run, {@code %2$s} that on what is of access. */
    private static Map<String, String> files() {
        Map<String, String> files = new LinkedHashMap<>();
        files.put("runs", "select to_jsonb(job) - 'search' from job where %1$s order by job_key");
        files.put("nodes", "select to_jsonb(job_node) from job_node where job_key in " + RUNS + " order by job_key");
        files.put("figures", "select to_jsonb(job_figures) from job_figures where job_key in " + RUNS);
        files.put("gpus", "select to_jsonb(job_gpu_figures) from job_gpu_figures where job_key in " + RUNS);
        files.put("oom_kills", "select to_jsonb(oom_kill) from oom_kill where job_key in " + RUNS);
        files.put("audit", "select to_jsonb(audit) from audit where job_key in " + RUNS + " or actor in (:actor, :link)"
                + " or claim = :name or before ->> 'user' = :name or after ->> 'user' = :name order by at, audit_id");
        files.put("report_days", """
                select to_jsonb(report_day) || to_jsonb(report_owner) from report_day
                join (select * from report_owner where %1$s) report_owner using (owner_id) order by day""");
        files.put("coordinated", "select to_jsonb(coordinator) from coordinator where user_name = :name");
        for (String table : List.of("notice", "notice_message", "notice_refusal")) {
            files.put(table + "s", "select to_jsonb(" + table + ") from " + table + " where user_name = :name");
        }
        files.put("sessions", "select to_jsonb(session) - 'token_hash' from session where %2$s order by session_id");
        files.put("sign_in_codes", "select to_jsonb(sign_in_code) - 'code_hash' from sign_in_code where %2$s");
        files.put("sign_in_nonces", "select to_jsonb(sign_in_nonce) - 'nonce' from sign_in_nonce where uid = :uid");
        files.put("access_events", "select to_jsonb(access_event) from access_event where %2$s"
                + " or actor in (:actor, :link) order by event_id");
        return files;
    }

    /**
     * Writes the file, and that it was asked for into the audit trail of access.
     *
     * @param by who does it
     * @return how many rows
     */
    public long write(OutputStream out, String by) throws IOException {
        long rows;
        try (ZipOutputStream zip = new ZipOutputStream(out, StandardCharsets.UTF_8)) {
            rows = database.snapshot("user_export", handle -> {
                long all = 0;
                for (Map.Entry<String, String> file : files().entrySet()) {
                    all += write(zip, file.getKey(), handle, file.getValue());
                }
                return all;
            });
        } catch (UncheckedIOException e) {
            throw e.getCause();
        }
        database.write("user_export_done", handle -> {
            AccessEvents.addExported(handle, by, person.user(), rows);
            return null;
        });
        return rows;
    }

    private long write(ZipOutputStream zip, String name, Handle handle, String sql) {
        Condition owned = person.owned();
        Condition access = PersonalData.of(person.user());
        Map<String, Object> values = new LinkedHashMap<>(owned.values());
        values.putAll(access.values());
        String actor = Caller.actor(person.user());
        try {
            zip.putNextEntry(new ZipEntry(name + ".jsonl"));
            long[] rows = {0};
            try (var lines = Database.streaming(handle.createQuery(sql.formatted(owned.sql(), access.sql()))
                    .bindMap(values).bind("uid", person.user().uid()).bind("actor", actor)
                    .bind("link", "link of " + actor)).mapTo(String.class).stream()) {
                lines.forEach(line -> {
                    try {
                        zip.write((line + "\n").getBytes(StandardCharsets.UTF_8));
                    } catch (IOException e) {
                        throw new UncheckedIOException(e);
                    }
                    rows[0]++;
                });
            }
            zip.closeEntry();
            return rows[0];
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
