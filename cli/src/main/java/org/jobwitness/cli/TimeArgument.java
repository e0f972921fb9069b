package org.jobwitness.cli;

import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.OffsetDateTime;
import java.time.ZoneId;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jobwitness.cli.options.Arguments;
import org.jobwitness.cli.options.Option;
import org.jobwitness.cli.service.Problem;
import org.jobwitness.cli.service.Problem.Kind;
import org.jspecify.annotations.Nullable;

/** A time on the command line: how long ago, or in any form that sacct takes (Slurm's parse_time.c), in the past. */
final class TimeArgument {
    private static final Pattern AGO = Pattern.compile("([0-9]{1,6})([mhdw])");
    private static final Pattern NOW = Pattern.compile("now(?:([+-])([0-9]{1,9})([a-z]*))?");
    private static final Pattern CLOCK = Pattern.compile("(\\d{1,2}):(\\d{2})(?::(\\d{2}))?(am|pm)?");
    /** {@code 2026-11-22}, {@code 11/22/26}, {@code 11.22.26}, {@code 112226}, the year mostly optional; then a time. */
    private static final Pattern DATE = Pattern.compile("(?:(\\d{4})-(\\d{1,2})-(\\d{1,2})"
            + "|(\\d{1,2})([/.])(\\d{1,2})(?:\\5(\\d{2}|\\d{4}))?|(\\d{2})(\\d{2})(\\d{2})?)(?:[-t ](.*))?");
    private static final Map<String, LocalTime> NAMED = Map.of("midnight", LocalTime.MIDNIGHT, "noon", LocalTime.NOON,
            "elevenses", LocalTime.of(11, 0), "fika", LocalTime.of(15, 0), "teatime", LocalTime.of(16, 0));
    private static final int NOON = 12;

    private final Instant now;
    private final ZoneId zone;

    private TimeArgument(Instant now, ZoneId zone) {
        this.now = now;
        this.zone = zone;
    }

    /** @throws Problem if it is none */
    static Instant parse(String option, String text, Instant now, ZoneId zone) throws Problem {
        Problem problem = new Problem(Kind.USAGE, option + " must be how long ago (30m, 12h, 7d, 1w), a date"
                + " (2026-11-22), a local time (2026-11-22T21:30, 21:30), one in UTC (2026-11-22T21:30:00Z), or another"
                + " time that sacct takes, such as now-2days; was \"" + text + "\"");
        try {
            return new TimeArgument(now, zone).parse(text.strip()).orElseThrow(() -> problem);
        } catch (DateTimeException | ArithmeticException e) {
            throw problem;
        }
    }

    /** The option's time as the service takes it; null if it was not given. */
    static @Nullable String valueOf(CliContext context, Arguments arguments, Option option) throws Problem {
        String typed = arguments.value(option);
        return typed == null
                ? null
                : parse(option.name(), typed, context.clock().instant(), context.zone()).toString();
    }

    private Optional<Instant> parse(String text) {
        Matcher ago = AGO.matcher(text);
        if (ago.matches()) {
            return seconds(ago.group(2)).map(unit -> now.minusSeconds(Long.parseLong(ago.group(1)) * unit));
        }
        String lower = text.toLowerCase(Locale.ROOT);
        Matcher relative = NOW.matcher(lower);
        if (relative.matches()) {
            return relative.group(1) == null ? Optional.of(now) : shifted(relative);
        }
        if (text.matches(".*T.*(Z|[+-][0-9]{2}:[0-9]{2})")) {
            return Optional.of(OffsetDateTime.parse(text).toInstant());
        }
        LocalDate today = LocalDate.ofInstant(now, zone);
        return switch (lower) {
            case "today" -> Optional.of(at(today, LocalTime.MIDNIGHT));
            case "tomorrow" -> Optional.of(at(today.plusDays(1), LocalTime.MIDNIGHT));
            default -> clock(lower).map(clock -> at(today, clock)).map(time -> time.isAfter(now)
                    ? at(today.minusDays(1), LocalTime.ofInstant(time, zone))
                    : time).or(() -> dated(lower, today));
        };
    }

    private Optional<Instant> shifted(Matcher relative) {
        long count = Long.parseLong(relative.group(2));
        return seconds(relative.group(3)).map(unit -> now.plus(
                Duration.ofSeconds(relative.group(1).equals("-") ? -count * unit : count * unit)));
    }

    /** Of a unit or the start of its name; without one, Slurm means seconds. */
    private static Optional<Long> seconds(String unit) {
        if (unit.isEmpty()) {
            return Optional.of(1L);
        }
        return Map.of("seconds", 1L, "minutes", 60L, "hours", 3600L, "days", 86_400L, "weeks", 604_800L).entrySet()
                .stream().filter(known -> known.getKey().startsWith(unit)).map(Map.Entry::getValue).findFirst();
    }

    private static Optional<LocalTime> clock(String text) {
        LocalTime named = NAMED.get(text);
        Matcher clock = CLOCK.matcher(text);
        if (named != null || !clock.matches()) {
            return Optional.ofNullable(named);
        }
        int hour = Integer.parseInt(clock.group(1));
        if (clock.group(4) != null) {
            if (hour < 1 || hour > NOON) {
                throw new DateTimeException("hour " + hour);
            }
            hour = hour % NOON + (clock.group(4).equals("pm") ? NOON : 0);
        }
        return Optional.of(LocalTime.of(hour, Integer.parseInt(clock.group(2)),
                clock.group(3) == null ? 0 : Integer.parseInt(clock.group(3))));
    }

    private Optional<Instant> dated(String text, LocalDate today) {
        Matcher date = DATE.matcher(text);
        if (!date.matches()) {
            return Optional.empty();
        }
        LocalDate day = date(date, today);
        return date.group(11) == null
                ? Optional.of(at(day, LocalTime.MIDNIGHT))
                : clock(date.group(11)).map(clock -> at(day, clock));
    }

    private static LocalDate date(Matcher date, LocalDate today) {
        if (date.group(1) != null) {
            return LocalDate.of(number(date, 1), number(date, 2), number(date, 3));
        }
        int month = date.group(4) != null ? number(date, 4) : number(date, 8);
        int day = date.group(4) != null ? number(date, 6) : number(date, 9);
        String year = date.group(4) != null ? date.group(7) : date.group(10);
        if (year != null) {
            return LocalDate.of(Integer.parseInt(year) + (year.length() == 2 ? 2000 : 0), month, day);
        }
        LocalDate thisYear = LocalDate.of(today.getYear(), month, day);
        return thisYear.isAfter(today) ? thisYear.minusYears(1) : thisYear;
    }

    private static int number(Matcher date, int group) {
        return Integer.parseInt(date.group(group));
    }

    private Instant at(LocalDate day, LocalTime clock) {
        return LocalDateTime.of(day, clock).atZone(zone).toInstant();
    }
}
