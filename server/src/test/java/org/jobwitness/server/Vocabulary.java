package org.jobwitness.server;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * The words of {@link SchemaValues}, and all that it knows beyond the API document's schemas. What a property or
 * parameter is called decides which words it takes: from a few, so that requests speak of the same jobs, nodes and
 * times; and where text has a grammar that no schema can tell, mostly right ones. Whatever is not named here takes what
 * its schema allows.
 */
final class Vocabulary {
    /** By the name of a property or parameter; the words of a list are those of its items. */
    static final Map<String, List<String>> WORDS = byName(words(few(60, "%d"), "id", "job_id"),
            words(few(5, "n%d"), "node", "name"), words(List.of("alice", "bob", "carol"), "user"),
            words(List.of("default", "alpha"), "cluster"), words(List.of("batch", "gpu"), "partition"),
            words(List.of("physics", "Ökologie"), "account"), words(few(100, "e%d"), "event_id"),
            words(List.of("0", "1", "GPU-a"), "gpu"),
            words(List.of("n1", "n2", "n[1-3]", "n[001-003,7]", "gpu[1-2]-ib[0-1]"), "node_list", "nodes"),
            words(List.of("4", "4(x3)", "8,16"), "cpus_per_node"), words(few(6, "s00000000000%02d"), "sluid"),
            words(cursors("-start_time|2026-01-01 00:00:00+00|5", "end_time|infinity|99"), "cursor"));

    /** Likewise, but nearly right at best. */
    static final Map<String, List<String>> ODD_WORDS = byName(
            words(List.of("slurm-1", "slurm-", "slurm-slurm-1", "slurm-1" + "0".repeat(60), "-1", "1 ", "1\n", "1/2"),
                    "id", "job_id"),
            words(List.of("n[1-99999]", "n[", "n]", "n[1-2][3", "n[2-1]", "n,,n", "n[0-65536]", "n[1-300]m[1-300]",
                    "n[1,1]", "n1,n1", "n" + "1".repeat(254), "n[99999999-999999999]", "[1-3]", "n1\n", "-n", "n-"),
                    "node_list", "nodes", "node", "name"),
            words(List.of("4(x99)", "4(x0)", "999999(x3)", "0", "4,", "4(x3)\n", "-4", "99999999999"),
                    "cpus_per_node"),
            words(List.of("s0", "S0000000000001", "s000000000000l", "s00000000000aa", "s0000000000001\n"), "sluid"),
            words(cursors("-start_time|0000-01-01 00:00:00+00|5", "-start_time|2026-01-01 00:00:60+00|5",
                    "start_time|2026-01-01 24:00:00+00|5", "-end_time|9999-12-31 23:59:59.999999999+00|99",
                    "start_time|2026-01-01 00:00+00|0", "end_time|2026-13-01 00:00:00+00|1", "start_time|infinity|1",
                    "start_time|1-1-1|1", "end_time|infinity|9999999999999999999", "|"), "cursor"));

    /** Those that make sense beside certain values of others only, so that an honest client seldom sends them. */
    static final Set<String> SELDOM = Set.of("cpus_per_node", "cursor", "offset");

    /** Parameters that tell apart things of one name; without them, many requests would be refused as ambiguous. */
    static final Set<String> OFTEN = Set.of("cluster");

    /** Those whose times lie within the last days as a rule; the server keeps no older ones. */
    static final Set<String> RECENT = Set.of("timestamp");

    /** Few, so that events of one run name the same start. */
    static final List<String> TIMES = List.of("2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z",
            "2026-01-01T02:30:00+01:00", "2026-01-01T03:00:00.123456Z", "2026-01-02T00:00:00Z", "2026-01-03T12:00:00Z",
            "2026-02-28T23:59:59Z");
    static final List<String> EDGE_TIMES = List.of("1970-01-01T00:00:00Z", "2199-12-31T23:59:59.999999Z",
            "2200-01-01T00:00:00+01:00", "1969-12-31T23:59:59-00:01", "2024-02-29T12:00:00+14:00",
            "2026-11-22T21:34:10.123456789Z", "2026-11-22T21:34:10-00:00", "2026-11-22T21:34:10.1-12:00",
            "2026-11-22t21:34:10z");
    static final List<String> WRONG_TIMES = List.of("1969-12-31T23:59:59Z", "2200-01-01T00:00:01Z",
            "2026-11-22T21:34Z", "2026-11-22T24:00:00Z", "2026-11-22T21:34:10", "2026-11-22 21:34:10Z",
            "2026-11-22T21:34:10+1", "2026-11-22T21:34:10+01", "2026-11-22T21:34:10+01:00:30",
            "2026-11-22T21:34:10+19:00", "2025-02-29T00:00:00Z", "2026-11-22T21:34:60Z", "2016-12-31T23:59:60Z",
            "+12026-11-22T21:34:10Z", "-0001-11-22T21:34:10Z", "0000-01-01T00:00:00Z", "2026-11-22T21:34:10Z\n",
            "2026-11-22T21:34:10.1234567891Z", "2026-11-22T21:34:10,5Z", "2026-11-22T21:34:10.Z", "now", "1795383250",
            "2026-11-22T21:34:10Z[Europe/Berlin]", "２０２６-11-22T21:34:10Z", "infinity");

    /** Text that a person might send, or somebody who means harm. */
    static final List<String> ODD_TEXTS = List.of("", " ", "\t", "\u00a0", "\u3000", "null", "0", "-1", "true",
            "\u0000", "a\u0000b", "\u0007", "\u001b[31mred", "a\nb", "\r\nX-Evil: 1", "\u007f", "\u0085", "\ud800",
            "a\udc00b", "\udc00\ud800", "\ufffe", "\uffff", "\ufeff", "\u202eevil", "\u200b", "مرحبا", "日本語",
            "e\u0301", "ẞß", "İı", "👩‍👩‍👧‍👦", "😀".repeat(60), "😀".repeat(200), "'; drop table job; --",
            "' or '1'='1", "$1", "{0}", "%s%n", "%", "_", "\\", "\"", "a\\'b", "${jndi:ldap://x}", "$(reboot)", "`id`",
            "; rm -rf /", "<script>alert(1)</script>", "&lt;", "../../etc/passwd", "..", ".", "/", "//", "a/b", "a;b=c",
            "C:\\x", "%2e%2e", "a?b#c", "-", "NaN", "Infinity", "1e400");
    static final List<String> NAMES = List.of("a", "b", "note", "ключ", "a.b", "$ref", "__proto__", "user");
    static final List<String> NUMBERS = List.of("0", "-0", "1", "-1", "0.0", "1.0", "0.1", "-0.5", "1e-400",
            "1e400", "-1e400", "1e30", "2147483647", "2147483648", "9007199254740993", "9223372036854775807",
            "9223372036854775808", "-9223372036854775809", "3.141592653589793238462643383279502884",
            "100.00000000000001", "123456789012345678901234567890");

    /** How long before now the recent times lie. */
    static final List<Duration> AGES = List.of(Duration.ofSeconds(1), Duration.ofMinutes(10), Duration.ofHours(1),
            Duration.ofHours(2).plusNanos(1000), Duration.ofDays(1));

    private Vocabulary() {
    }

    /** Words for whatever has one of the names. */
    private record Words(List<String> names, List<String> words) {
    }

    private static Words words(List<String> words, String... names) {
        return new Words(List.of(names), words);
    }

    private static List<String> few(int count, String format) {
        return IntStream.range(0, count).mapToObj(format::formatted).toList();
    }

    /** As the server writes them; should it ever write others, these are only texts that it refuses. */
    private static List<String> cursors(String... texts) {
        return Stream.of(texts).map(text -> Base64.getUrlEncoder().withoutPadding()
                .encodeToString(text.getBytes(StandardCharsets.UTF_8))).toList();
    }

    private static Map<String, List<String>> byName(Words... words) {
        return Stream.of(words).flatMap(some -> some.names().stream().map(name -> Map.entry(name, some.words())))
                .collect(Collectors.toUnmodifiableMap(Map.Entry::getKey, Map.Entry::getValue));
    }
}
