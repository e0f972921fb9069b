package org.jobwitness.server.verdict;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jobwitness.wire.Cause;
import org.jobwitness.wire.FindingRule;
import org.jobwitness.wire.Severity;
import org.jobwitness.wire.Verdict;
import org.junit.jupiter.api.Test;

/** docs/verdicts.md has every cause, rule, threshold and quantity, and no other. */
class VerdictsDocTest {
    private static final Thresholds USUAL = Thresholds.USUAL;
    private final String page = read();

    private static String read() {
        try {
            return Files.readString(Path.of("../docs/verdicts.md"));
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    /** The cells of the table below a heading, without its head. */
    private List<List<String>> table(String heading) {
        String section = page.substring(page.indexOf("\n## " + heading + "\n") + 1).split("\n## ", 2)[0];
        return section.lines().filter(line -> line.startsWith("| `"))
                .map(line -> Arrays.stream(line.split("\\|")).skip(1).map(String::strip).toList()).toList();
    }

    private static List<String> words(Object[] constants) {
        return Arrays.stream(constants).map(constant -> "`" + constant + "`").toList();
    }

    private static Stream<Verdict> verdicts() {
        return VerdictRulesTest.cases().stream().map(VerdictRulesTest.Placed::verdict);
    }

    @Test
    void everyCauseIsThere() {
        assertThat(table("Why it ended").stream().map(List::getFirst)).containsExactlyElementsOf(words(Cause.values()));
    }

    @Test
    void everyRuleIsThereWithTheSeveritiesThatItHas() {
        Map<FindingRule, Set<Severity>> found = new TreeMap<>();
        verdicts().flatMap(verdict -> verdict.findings().stream()).forEach(finding -> found
                .computeIfAbsent(finding.rule(), _ -> new TreeSet<>()).add(finding.severity()));

        assertThat(table("Use of resources").stream().map(row -> row.get(0) + " " + row.get(1)))
                .containsExactlyElementsOf(found.entrySet().stream().map(rule -> "`" + rule.getKey() + "` "
                        + rule.getValue().stream().map(Severity::toString).collect(Collectors.joining(", "))).toList());
    }

    @Test
    void whatTheRulesSayOfThresholdsIsTrue() {
        assertThat(table("Thresholds").stream().collect(Collectors.toMap(List::getFirst, row -> row.get(1))))
                .isEqualTo(Map.of("`VERDICT_MIN_SAMPLES`", USUAL.minSamples() + "", "`VERDICT_USED_PERCENT`",
                        USUAL.usedPercent() + "", "`VERDICT_GPU_IDLE_MINUTES`", USUAL.gpuIdle().toMinutes() + "",
                        "`VERDICT_GPU_LOW_PERCENT`", USUAL.gpuLowPercent() + "", "`VERDICT_IMBALANCE_PERCENT`",
                        USUAL.imbalancePercent() + "", "`VERDICT_MEMORY_NEAR_PERCENT`", USUAL.memoryNearPercent() + "",
                        "`VERDICT_STALL_PERCENT`", USUAL.stallPercent() + "", "`VERDICT_COVERAGE_PERCENT`",
                        USUAL.coveragePercent() + "", "`VERDICT_SHORT_JOBS`", USUAL.shortJobs() + "",
                        "`VERDICT_MARGIN_PERCENT`", USUAL.marginPercent() + ""));
        Map<String, String> rules = table("Use of resources").stream()
                .collect(Collectors.toMap(List::getFirst, row -> row.get(2)));
        assertThat(rules.get("`gpu_idle`")).contains(USUAL.gpuIdle().toMinutes() + " minutes");
        assertThat(rules.get("`gpu_low_use`")).contains(USUAL.gpuLowPercent() + " %");
        assertThat(rules.get("`cpu_idle`")).contains(USUAL.usedPercent() + " %");
        assertThat(rules.get("`node_imbalance`")).contains(USUAL.imbalancePercent() + " %", USUAL.usedPercent() + " %");
        assertThat(rules.get("`memory_overasked`")).contains(USUAL.usedPercent() + " %",
                Phrases.bytes(Thresholds.MIN_UNUSED_MEMORY));
        assertThat(rules.get("`memory_near_limit`")).contains(USUAL.memoryNearPercent() + " %");
        assertThat(rules.get("`memory_is_cache`")).contains(USUAL.memoryNearPercent() + " %");
        assertThat(rules.get("`cpu_throttled`")).contains(USUAL.stallPercent() + " %");
        assertThat(rules.get("`memory_stalled`")).contains(USUAL.stallPercent() + " %");
        assertThat(rules.get("`time_overasked`")).contains(USUAL.usedPercent() + " %",
                Thresholds.MIN_UNUSED_TIME.toHours() + " hour");
        assertThat(rules.get("`short_jobs`")).contains(Thresholds.SHORT.toMinutes() + " minutes",
                USUAL.shortJobs() + " jobs");
        assertThat(rules.get("`low_coverage`")).contains(USUAL.coveragePercent() + " %");
    }

    @Test
    void everyQuantityIsThereWithItsUnit() {
        Map<String, Set<String>> told = new TreeMap<>();
        verdicts().forEach(verdict -> Stream.concat(verdict.outcome().evidence().stream(),
                verdict.findings().stream().flatMap(finding -> finding.evidence().stream())).forEach(fact -> {
                    if (fact.quantity() != null) {
                        told.computeIfAbsent(fact.quantity().unit().toString(), _ -> new TreeSet<>())
                                .add("`" + fact.quantity().name() + "`");
                    }
                }));

        String list = told.entrySet().stream().map(unit -> "- " + unit.getKey() + ": "
                + String.join(", ", unit.getValue()) + "\n").collect(Collectors.joining());
        assertThat(page.substring(page.indexOf("\n## Names of quantities\n")).replace("\n  ", " "))
                .endsWith("\n\n" + list);
    }
}
