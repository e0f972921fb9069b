package org.jobwitness.server.notice;

import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import org.jobwitness.server.http.PublicUrl;
import org.jobwitness.server.verdict.Phrases;
import org.jspecify.annotations.Nullable;

/** The words of a message. */
final class NoticeText {
    /** More are only counted. */
    static final int MAX_LISTED = 20;
    private static final Map<String, String> SHORT = Map.of("gpu_idle", "idle GPUs", "gpu_partly_idle",
            "some idle GPUs",
            "memory_near_limit", "memory near its limit");
    private static final int WIDTH = 78;

    private final NoticeSettings settings;
    private final PublicUrl publicUrl;

    NoticeText(NoticeSettings settings, PublicUrl publicUrl) {
        this.settings = settings;
        this.publicUrl = publicUrl;
    }

    /** Such as "Job 1022: idle GPUs". Of digits and our own words only. */
    static String subject(List<Notice> notices) {
        String what = notices.stream()
                .map(one -> SHORT.getOrDefault(one.rule(), one.rule().replace('_', ' '))).distinct().sorted()
                .collect(Collectors.joining(", "));
        List<String> jobs = notices.stream().map(Notice::jobId).distinct().toList();
        String one = jobs.getFirst().matches("[0-9]{1,10}") ? "Job " + jobs.getFirst() : "A job of yours";
        return (jobs.size() == 1 ? one : jobs.size() + " jobs") + ": " + what;
    }

    String body(List<Notice> notices) {
        StringBuilder text = new StringBuilder();
        for (Notice notice : notices.subList(0, Math.min(notices.size(), MAX_LISTED))) {
            append(text, notice);
        }
        if (notices.size() > MAX_LISTED) {
            text.append("And ").append(notices.size() - MAX_LISTED).append(" more, not listed here.\n\n");
        }
        paragraph(text, "", "jobwitness only measures: it ends no job. You get at most one such message in "
                + time(settings.digest()) + ", and the same of a job again after " + time(settings.coolDown())
                + " if it still is so.");
        paragraph(text, "", "To get none: jobwitness notices off");
        return text.toString();
    }

    private void append(StringBuilder text, Notice notice) {
        paragraph(text, "", "Job " + notice.jobId() + " on cluster " + notice.cluster() + ", running at "
                + notice.foundAt() + ":");
        paragraph(text, "  ", notice.sentence());
        paragraph(text, "  ", measured(notice));
        paragraph(text, "  ", "What to do: " + notice.advice());
        notice.lines().forEach(line -> text.append("    ").append(line).append('\n'));
        String link = link(notice);
        text.append("  More: ").append(link == null ? "jobwitness why " + notice.jobId() : link).append("\n\n");
    }

    private @Nullable String link(Notice notice) {
        return publicUrl.of("/jobs/" + URLEncoder.encode(notice.jobId(), StandardCharsets.UTF_8).replace("+", "%20")
                + "?run=" + notice.run()).orElse(null);
    }

    private static String measured(Notice notice) {
        String when = notice.from() == null || notice.to() == null
                ? "Measured"
                : "Measured from " + notice.from() + " to " + notice.to();
        return when + (notice.coveragePercent() == null
                ? "; how much of its time samples cover is not known."
                : "; samples cover " + Phrases.percent(notice.coveragePercent())
                        + " of the time that the job has had its nodes.");
    }

    private static String time(Duration time) {
        return time.toMinutes() % 60 == 0 && time.toHours() > 1
                ? String.format(Locale.ROOT, "%d hours", time.toHours())
                : String.format(Locale.ROOT, "%d minutes", time.toMinutes());
    }

    private static void paragraph(StringBuilder text, String indent, String words) {
        int column = 0;
        for (String word : words.split(" (?!%)", -1)) {
            if (column > 0 && column + 1 + word.length() > WIDTH) {
                text.append('\n');
                column = 0;
            }
            text.append(column == 0 ? indent : " ").append(word);
            column += (column == 0 ? indent.length() : 1) + word.length();
        }
        text.append('\n');
    }
}
