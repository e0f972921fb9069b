package org.jobwitness.cli;

import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jobwitness.cli.service.Problem;
import org.jobwitness.cli.service.Problem.Kind;

/** A time on the command line: absolute, or how long ago. */
final class TimeArgument {
    private static final Pattern AGO = Pattern.compile("([0-9]{1,6})([mhd])");

    private TimeArgument() {
    }

    /** @throws Problem if it is none */
    static Instant parse(String option, String text, Instant now, ZoneId zone) throws Problem {
        try {
            Matcher ago = AGO.matcher(text);
            if (ago.matches()) {
                long count = Long.parseLong(ago.group(1));
                return now.minus(switch (ago.group(2)) {
                    case "m" -> Duration.ofMinutes(count);
                    case "h" -> Duration.ofHours(count);
                    default -> Duration.ofDays(count);
                });
            }
            if (text.endsWith("Z")) {
                return Instant.parse(text);
            }
            return text.contains("T")
                    ? LocalDateTime.parse(text).atZone(zone).toInstant()
                    : LocalDate.parse(text).atStartOfDay(zone).toInstant();
        } catch (DateTimeException e) {
            throw new Problem(Kind.USAGE, option + " must be a time such as 2026-11-22, 2026-11-22T21:30 (here) or"
                    + " 2026-11-22T21:30:00Z, or how long ago: 30m, 12h, 7d; was \"" + text + "\"");
        }
    }
}
