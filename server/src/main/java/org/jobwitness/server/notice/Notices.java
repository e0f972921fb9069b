package org.jobwitness.server.notice;

import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.db.LeaderTask.Leadership;
import org.jobwitness.server.http.PublicUrl;
import org.jobwitness.server.json.Json;
import org.jobwitness.server.json.Printable;
import org.jobwitness.server.verdict.JobFindings;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells users what is found of their running jobs. A round finds, writes messages, and sends those that are due: docs/notices.md. The
 * work of a {@code LeaderTask}.
 */
public final class Notices implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(Notices.class);
    /** A finding of a run that nobody has read for longer may be over. */
    private static final Duration FRESH = Duration.ofMinutes(10);
    /** Longer than any way of sending takes. */
    private static final Duration SENDING = Duration.ofMinutes(3);
    private static final Duration REMEMBERED = Duration.ofDays(31);
    private static final Duration PROBLEM_SHOWN = Duration.ofDays(1);
    private static final int MAX_ATTEMPTS = 6;
    private static final int MAX_SENT_IN_A_ROUND = 500;
    private static final int MAX_ADDED_AT_ONCE = 500;

    /** The jobs that run. */
    @FunctionalInterface
    interface Source {
        void each(Instant now, Consumer<JobFindings.Told> consumer);
    }

    private final NoticeSettings settings;
    private final NoticeTable table;
    private final NoticeText text;
    private final Source source;
    private final Json json;
    private final Clock clock;
    private final Map<Channel, Sender> senders = new EnumMap<>(Channel.class);
    private final Counter messages;

    public Notices(NoticeSettings settings, Database database, JobFindings findings, PublicUrl publicUrl, Json json,
            Clock clock, PrometheusRegistry registry) {
        this(settings, database, (now, consumer) -> database.snapshot("notice_find", handle -> {
            findings.running(handle, now, consumer);
            return true;
        }), publicUrl, json, clock, registry);
    }

    Notices(NoticeSettings settings, Database database, Source source, PublicUrl publicUrl, Json json, Clock clock,
            PrometheusRegistry registry) {
        this.settings = settings;
        this.table = new NoticeTable(database, json);
        this.text = new NoticeText(settings, publicUrl);
        this.source = source;
        this.json = json;
        this.clock = clock;
        settings.mail().ifPresent(mail -> senders.put(Channel.MAIL, sender(mail, clock)));
        settings.webhook().ifPresent(webhook -> senders.put(Channel.WEBHOOK, new WebhookSender(webhook, clock)));
        messages = Counter.builder().name("jobwitness_notice_messages_total")
                .help("Messages to users about their jobs, by channel and result.").labelNames("channel", "result")
                .register(registry);
    }

    private static Sender sender(NoticeSettings.Mail mail, Clock clock) {
        MailText text = new MailText(mail.from(), clock);
        return switch (mail.route()) {
            case NoticeSettings.Command command -> new Sendmail(command.sendmail(), text);
            case NoticeSettings.Smtp smtp -> new SmtpSender(smtp, text);
        };
    }

    /** For tests: another way of sending. */
    void replace(Channel channel, Sender sender) {
        senders.put(channel, sender);
    }

    /** One round. */
    public void run(Leadership leadership) throws InterruptedException {
        leadership.check();
        find();
        for (String user : table.due(clock.instant().minus(settings.digest()))) {
            leadership.check();
            write(user);
        }
        table.recover(clock.instant().minus(SENDING), clock.instant());
        for (int sent = 0; sent < MAX_SENT_IN_A_ROUND; sent++) {
            leadership.check();
            if (!sendOne()) {
                break;
            }
        }
        table.forget(clock.instant().minus(REMEMBERED));
    }

    private void find() {
        Instant now = clock.instant();
        Set<String> refusing = table.refusing();
        List<Notice> found = new ArrayList<>();
        source.each(now, job -> {
            if (!job.user().isEmpty() && !refusing.contains(job.user())) {
                notices(job, now).forEach(found::add);
            }
        });
        for (int i = 0; i < found.size(); i += MAX_ADDED_AT_ONCE) {
            table.add(found.subList(i, Math.min(found.size(), i + MAX_ADDED_AT_ONCE)),
                    now.minus(settings.coolDown()));
        }
    }

    private Stream<Notice> notices(JobFindings.Told job, Instant now) {
        boolean isFresh = job.lastSample() != null && job.lastSample().isAfter(now.minus(FRESH));
        return job.findings().stream().filter(finding -> isFresh && settings.rules().contains(finding.rule()))
                .map(finding -> Notice.of(job, finding, now));
    }

    private void write(String user) {
        Instant now = clock.instant();
        table.write(user, now, notices -> drafts(user, notices, now));
    }

    /** What the webhook gets. */
    record Payload(String user, Instant at, List<Notice> notices, int more) {
        Payload {
            notices = List.copyOf(notices);
        }
    }

    List<NoticeTable.Draft> drafts(String user, List<Notice> notices, Instant now) {
        List<NoticeTable.Draft> drafts = new ArrayList<>();
        String subject = NoticeText.subject(notices);
        settings.mail().ifPresent(mail -> mail.addressOf(user).ifPresentOrElse(
                address -> drafts.add(
                        new NoticeTable.Draft(Channel.MAIL, address, subject, text.body(notices))),
                () -> {
                    log.warn("notice_no_address user={} cause=\"the name does not go into an address\"",
                            Printable.shown(user));
                    messages.labelValues(Channel.MAIL.toString(), "no_address").inc();
                }));
        int listed = Math.min(notices.size(), NoticeText.MAX_LISTED);
        settings.webhook().ifPresent(_ -> drafts.add(new NoticeTable.Draft(Channel.WEBHOOK, null, subject,
                json.text(new Payload(user, now, notices.subList(0, listed), notices.size() - listed)))));
        return drafts;
    }

    /** Whether there was one to send. */
    private boolean sendOne() throws InterruptedException {
        Optional<Message> due = table.take(clock.instant());
        if (due.isEmpty()) {
            return false;
        }
        Message message = due.get();
        Sender sender = senders.get(message.channel());
        if (sender == null) {
            finish(message, NoticeTable.Result.FAILED, message.channel() + " is no longer set up");
            return true;
        }
        try {
            sender.send(message);
            finish(message, NoticeTable.Result.SENT, null);
        } catch (Sender.NotSent e) {
            notSent(message, e);
        } catch (IllegalStateException e) {
            finish(message, NoticeTable.Result.UNSURE, String.valueOf(e.getMessage()));
        }
        return true;
    }

    private void notSent(Message message, Sender.NotSent e) {
        String cause = String.valueOf(e.getMessage());
        if (e.passes() && message.attempts() < MAX_ATTEMPTS) {
            table.retry(message.id(), clock.instant().plus(NoticeTable.backoff(message.attempts())), cause);
        } else {
            finish(message, NoticeTable.Result.FAILED, cause);
        }
    }

    private void finish(Message message, NoticeTable.Result result, @Nullable String problem) {
        table.finish(message.id(), result, problem, clock.instant());
        messages.labelValues(message.channel().toString(), result.toString()).inc();
        if (result != NoticeTable.Result.SENT) {
            log.warn("notice_not_sent message={} channel={} result={} cause=\"{}\"", message.id(), message.channel(),
                    result, String.valueOf(problem).replace('"', '\''));
        }
    }

    /** Why the newest message was not sent; empty if all goes well. */
    public Optional<String> problem() {
        return table.problem(clock.instant().minus(PROBLEM_SHOWN));
    }

    @Override
    public void close() {
        if (senders.get(Channel.WEBHOOK) instanceof WebhookSender webhook) {
            webhook.close();
        }
    }
}
