package org.jobwitness.cli.text;

import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Locale;

/** Formats figures for people. */
public final class Units {
    private static final List<String> BINARY = List.of("B", "KiB", "MiB", "GiB", "TiB", "PiB");
    private static final DateTimeFormatter DATE_AND_TIME = DateTimeFormatter.ofPattern("uuuu-MM-dd HH:mm:ss",
            Locale.ROOT);
    private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("HH:mm:ss", Locale.ROOT);

    private Units() {
    }

    /** {@code 1.5 GiB}; the API's MB are MiB. */
    public static String mebibytes(double mebibytes) {
        return bytes(mebibytes * 1024 * 1024);
    }

    /** {@code 1.5 GiB}. */
    public static String bytes(double bytes) {
        double value = bytes;
        int unit = 0;
        while (Math.abs(value) >= 1023.95 && unit < BINARY.size() - 1) {
            value /= 1024;
            unit++;
        }
        return number(value, unit == 0 || value >= 99.95 ? 0 : 1) + " " + BINARY.get(unit);
    }

    /** {@code 3.1 %}, {@code 97 %}. */
    public static String percent(double percent) {
        return number(percent, Math.abs(percent) < 9.95 && percent != 0 ? 1 : 0) + " %";
    }

    /** {@code 850 Wh}, {@code 1.2 kWh}. */
    public static String wattHours(double wattHours) {
        return wattHours < 999.5 ? number(wattHours, 0) + " Wh" : number(wattHours / 1000, 1) + " kWh";
    }

    public static String number(double value, int digits) {
        return String.format(Locale.ROOT, "%." + digits + "f", value);
    }

    /** {@code 2 d 3 h}, {@code 1 h 5 min}, {@code 12 min 30 s}, {@code 8 s}: the two largest units. */
    public static String duration(double seconds) {
        Duration duration = Duration.ofSeconds(Math.round(seconds));
        if (duration.toDays() > 0) {
            return two(duration.toDays(), "d", duration.toHoursPart(), "h");
        }
        if (duration.toHours() > 0) {
            return two(duration.toHours(), "h", duration.toMinutesPart(), "min");
        }
        return duration.toMinutes() > 0
                ? two(duration.toMinutes(), "min", duration.toSecondsPart(), "s")
                : duration.toSeconds() + " s";
    }

    private static String two(long first, String firstUnit, int second, String secondUnit) {
        return first + " " + firstUnit + (second == 0 ? "" : " " + second + " " + secondUnit);
    }

    /** In Slurm's format: {@code 1-02:03:04}, {@code 02:03:04}. */
    public static String slurmDuration(double seconds) {
        Duration duration = Duration.ofSeconds(Math.round(seconds));
        return (duration.toDays() > 0 ? duration.toDays() + "-" : "") + String.format(Locale.ROOT, "%02d:%02d:%02d",
                duration.toHoursPart(), duration.toMinutesPart(), duration.toSecondsPart());
    }

    /** In the zone, to the second: {@code 2026-11-22 21:34:10}. */
    public static String time(Instant time, ZoneId zone) {
        return DATE_AND_TIME.format(rounded(time, zone));
    }

    /** Without the date if that is the date of {@code beside}. */
    public static String timeBeside(Instant time, Instant beside, ZoneId zone) {
        ZonedDateTime local = rounded(time, zone);
        return (local.toLocalDate().equals(rounded(beside, zone).toLocalDate()) ? TIME : DATE_AND_TIME).format(local);
    }

    private static ZonedDateTime rounded(Instant time, ZoneId zone) {
        return time.atZone(zone).truncatedTo(ChronoUnit.SECONDS);
    }

    /** {@code 1 node}, {@code 2 nodes}. */
    public static String count(long count, String one) {
        return count + " " + one + (count == 1 ? "" : "s");
    }
}
