package org.jobwitness.server.notice;

import static org.jobwitness.server.db.Columns.each;
import static org.jobwitness.server.db.Columns.string;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import org.jdbi.v3.core.Handle;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.json.Json;
import org.jspecify.annotations.Nullable;

/**
 * Owns what is to be told: findings until they are in a message, messages until they are sent (the outbox), and users who want none.
 * Each step is one transaction, and the next one continues from what it left, whichever server does it.
 */
final class NoticeTable {
    private static final int MAX_IN_A_MESSAGE = 1000;

    private final Database database;
    private final Json json;

    NoticeTable(Database database, Json json) {
        this.database = database;
        this.json = json;
    }

    /** Adds those of which the same was not found of the same run since; returns how many. */
    int add(List<Notice> found, Instant since) {
        return found.isEmpty() ? 0 : database.writeInBackground("notice_add", handle -> {
            lock(handle);
            return handle.createUpdate("""
                    insert into notice (run, rule, user_name, found_at, detail)
                    select run, rule, user_name, found_at, cast(detail as jsonb)
                    from unnest(:runs, :rules, :users, cast(:times as timestamptz[]), :details)
                        as incoming (run, rule, user_name, found_at, detail)
                    where not exists (select from notice known where known.run = incoming.run
                        and known.rule = incoming.rule and known.found_at > :since)""")
                    .bindArray("runs", Long.class, each(found, Notice::run))
                    .bindArray("rules", String.class, each(found, Notice::rule))
                    .bindArray("users", String.class, each(found, Notice::user))
                    .bindArray("times", String.class, each(found, notice -> notice.foundAt().toString()))
                    .bindArray("details", String.class, each(found, json::text)).bind("since", since).execute();
        });
    }

    /** Two servers, of which one does not know yet that it no longer leads, would both find that nothing is known. */
    private static void lock(Handle handle) {
        handle.createQuery("select pg_advisory_xact_lock(hashtextextended('notice', 0))").map((_, _) -> true).one();
    }

    /** Users of whom something is not told yet, and who got no message since. */
    List<String> due(Instant since) {
        return database.read("notice_due", handle -> handle.createQuery("""
                select distinct user_name from notice where told_at is null and not exists (
                    select from notice told where told.user_name = notice.user_name and told.told_at > :since)
                order by user_name""").bind("since", since).mapTo(String.class).list());
    }

    /** A message without its id. */
    record Draft(Channel channel, @Nullable String address, String subject, String body) {
    }

    /** Puts all that is to be told to a user into messages, unless the user wants none; returns how many. */
    int write(String user, Instant now, Function<List<Notice>, List<Draft>> writer) {
        return database.write("notice_write", handle -> {
            lock(handle);
            List<Notice> notices = handle.createQuery("""
                    with told as (update notice set told_at = :now where notice_id in (
                        select notice_id from notice where user_name = :user and told_at is null
                        order by notice_id limit :limit) returning notice_id, detail)
                    select cast(detail as text) as detail from told order by notice_id""").bind("now", now)
                    .bind("user", user).bind("limit", MAX_IN_A_MESSAGE)
                    .map((row, _) -> json.object(string(row, "detail"), Notice.class)).list();
            boolean isRefused = handle.createQuery("select exists (select from notice_refusal where user_name = :user)")
                    .bind("user", user).mapTo(Boolean.class).one();
            if (notices.isEmpty() || isRefused) {
                return 0;
            }
            List<Draft> drafts = writer.apply(notices);
            drafts.forEach(draft -> handle.createUpdate("""
                    insert into notice_message (channel, user_name, address, subject, body, created_at, next_try_at)
                    values (:channel, :user, :address, :subject, :body, :now, :now)""")
                    .bind("channel", draft.channel().toString()).bind("user", user).bind("address", draft.address())
                    .bind("subject", draft.subject()).bind("body", draft.body()).bind("now", now).execute());
            return drafts.size();
        });
    }

    /** Takes the message that has waited longest, if one is due: from here on it counts as handed over. */
    Optional<Message> take(Instant now) {
        return database.write("notice_take", handle -> handle.createQuery("""
                update notice_message set sending_at = :now, attempts = attempts + 1 where message_id = (
                    select message_id from notice_message
                    where result is null and sending_at is null and next_try_at <= :now
                    order by next_try_at, message_id limit 1 for update skip locked)
                returning message_id, channel, user_name, address, subject, body, attempts""").bind("now", now)
                .map((row, _) -> message(row)).findFirst());
    }

    private static Message message(ResultSet row) throws SQLException {
        return new Message(row.getLong("message_id"),
                Channel.valueOf(string(row, "channel").toUpperCase(Locale.ROOT)), string(row, "user_name"),
                row.getString("address"), string(row, "subject"), string(row, "body"), row.getInt("attempts"));
    }

    /** How a message ended. */
    enum Result {
        SENT,
        /** It may have been sent: the server was killed, or the answer did not come. */
        UNSURE,
        FAILED;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    void finish(long message, Result result, @Nullable String problem, Instant now) {
        database.write("notice_finish", handle -> handle.createUpdate("""
                update notice_message set result = :result, problem = :problem, finished_at = :now, sending_at = null
                where message_id = :message""").bind("result", result.toString()).bind("problem", problem)
                .bind("now", now).bind("message", message).execute());
    }

    void retry(long message, Instant at, String problem) {
        database.write("notice_retry", handle -> handle.createUpdate("""
                update notice_message set sending_at = null, next_try_at = :at, problem = :problem
                where message_id = :message and result is null""").bind("at", at).bind("problem", problem)
                .bind("message", message).execute());
    }

    /** What was being sent by a server that is gone: a mail may be out, and is not sent again; a webhook's receiver knows its id. */
    void recover(Instant takenBefore, Instant now) {
        database.write("notice_recover", handle -> {
            handle.createUpdate("""
                    update notice_message set result = 'unsure', finished_at = :now, sending_at = null,
                        problem = 'the server was stopped while it was being sent'
                    where channel = 'mail' and result is null and sending_at <= :before""").bind("now", now)
                    .bind("before", takenBefore).execute();
            return handle.createUpdate("""
                    update notice_message set sending_at = null, next_try_at = :now
                    where channel = 'webhook' and result is null and sending_at <= :before""").bind("now", now)
                    .bind("before", takenBefore).execute();
        });
    }

    /** The newest message that failed since, if no later one of its channel was sent. */
    Optional<String> problem(Instant since) {
        return database.read("notice_problem", handle -> handle.createQuery("""
                select channel || ': ' || problem from notice_message failed
                where problem is not null and created_at > :since and result is distinct from 'sent' and not exists (
                    select from notice_message later where later.channel = failed.channel and later.result = 'sent'
                        and later.message_id > failed.message_id)
                order by message_id desc limit 1""").bind("since", since).mapTo(String.class).findFirst());
    }

    /** What is over and older than that. */
    void forget(Instant before) {
        database.writeInBackground("notice_forget", handle -> {
            handle.createUpdate("delete from notice_message where result is not null and created_at < :before")
                    .bind("before", before).execute();
            return handle.createUpdate("delete from notice where found_at < :before").bind("before", before).execute();
        });
    }

    Set<String> refusing() {
        return database.read("notice_refusals", handle -> new HashSet<>(
                handle.createQuery("select user_name from notice_refusal").mapTo(String.class).list()));
    }

    boolean refuses(String user) {
        return database.read("notice_refusals", handle -> handle
                .createQuery("select exists (select from notice_refusal where user_name = :user)").bind("user", user)
                .mapTo(Boolean.class).one());
    }

    void refuse(String user, boolean refuses, Instant now) {
        database.write("notice_refuse", handle -> refuses
                ? handle.createUpdate("insert into notice_refusal (user_name, at) values (:user, :now)"
                        + " on conflict do nothing").bind("user", user).bind("now", now).execute()
                : handle.createUpdate("delete from notice_refusal where user_name = :user").bind("user", user)
                        .execute());
    }

    static Duration backoff(int attempts) {
        return Duration.ofMinutes(1L << Math.min(attempts, 10));
    }
}
