package org.jobwitness.server.notice;

import java.io.PrintStream;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.jobwitness.server.db.Database;
import org.jobwitness.server.json.Json;
import org.jobwitness.server.json.Printable;
import org.jobwitness.server.verdict.JobFindings;

/**
 * Which messages would have been sent of runs that have ended, by what is known at their end: a GPU that was idle and then worked is
 * not among them, though its user would have been told. Sends and stores nothing.
 */
public final class DryRun {
    private final NoticeSettings settings;
    private final NoticeTable table;
    private final JobFindings findings;

    public DryRun(NoticeSettings settings, Database database, JobFindings findings, Json json) {
        this.settings = settings;
        this.table = new NoticeTable(database, json);
        this.findings = findings;
    }

    /** A message that would have been sent. */
    record Planned(Instant at, String user, List<Notice> notices) {
    }

    /** Writes a line for each message, and their number. */
    public void print(Instant from, Instant to, PrintStream out) {
        List<Planned> messages = plan(from, to);
        messages.forEach(one -> out.println(one.at() + "  " + address(one.user()) + "  "
                + NoticeText.subject(one.notices()) + "  (" + one.notices().stream()
                        .map(notice -> Printable.shown(notice.jobId())).distinct().limit(NoticeText.MAX_LISTED)
                        .collect(Collectors.joining(" "))
                + ")"));
        out.println(messages.size() + " messages to "
                + messages.stream().map(Planned::user).distinct().count() + " users");
    }

    private String address(String user) {
        return settings.mail().map(mail -> mail.addressOf(user)
                .orElseGet(() -> "no address for " + Printable.shown(user))).orElseGet(() -> Printable.shown(user));
    }

    List<Planned> plan(Instant from, Instant to) {
        Set<String> refusing = table.refusing();
        Map<String, List<Notice>> byUser = new TreeMap<>();
        findings.ended(from, to, job -> {
            if (!job.user().isEmpty() && !refusing.contains(job.user())) {
                job.findings().stream().filter(finding -> settings.rules().contains(finding.rule()))
                        .map(finding -> Notice.of(job, finding,
                                Objects.requireNonNullElse(finding.to(), Objects.requireNonNull(job.end()))))
                        .forEach(notice -> byUser.computeIfAbsent(job.user(), _ -> new ArrayList<>()).add(notice));
            }
        });
        return byUser.entrySet().stream()
                .flatMap(each -> digests(each.getKey(), each.getValue(), settings.digest()).stream())
                .sorted(Comparator.comparing(Planned::at).thenComparing(Planned::user)).toList();
    }

    /** As the outbox does it: the first at once, and what follows within the time together at its end. */
    static List<Planned> digests(String user, List<Notice> notices, Duration digest) {
        List<Planned> messages = new ArrayList<>();
        for (Notice notice : notices.stream().sorted(Comparator.comparing(Notice::foundAt)).toList()) {
            Instant last = messages.isEmpty() ? Instant.MIN : messages.getLast().at();
            if (messages.isEmpty() || notice.foundAt().isAfter(last)) {
                Instant next = messages.isEmpty() ? notice.foundAt() : last.plus(digest);
                messages.add(new Planned(notice.foundAt().isAfter(next) ? notice.foundAt() : next, user,
                        new ArrayList<>(List.of(notice))));
            } else {
                messages.getLast().notices().add(notice);
            }
        }
        return messages;
    }
}
