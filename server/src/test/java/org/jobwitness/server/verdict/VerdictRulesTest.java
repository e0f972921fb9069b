package org.jobwitness.server.verdict;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jobwitness.wire.Cause;
import org.jobwitness.wire.FindingRule;
import org.jobwitness.wire.Verdict;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every case of the case files comes to the verdict that is written there. */
class VerdictRulesTest {
    private static final Pattern TIME = Pattern.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.]+Z");
    private static final Path CASES = Path.of("src/test/resources/verdict");

    /** A case, and where it stands. */
    record Placed(String file, VerdictCase told) {
        Verdict verdict() {
            return VerdictRules.judge(told.evidence(), told.thresholds(), SiteNotes.NONE);
        }

        @Override
        public String toString() {
            return file + " line " + told.line() + ": " + told.name();
        }
    }

    static List<Placed> cases() {
        try (Stream<Path> files = Files.list(CASES)) {
            return files.filter(file -> file.toString().endsWith(".case")).sorted().flatMap(file -> {
                String name = file.getFileName().toString();
                return VerdictCase.parse(name, lines(file)).stream().map(told -> new Placed(name, told));
            }).toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static List<String> lines(Path file) {
        try {
            return Files.readAllLines(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void comesToItsVerdict(Placed placed) {
        List<String> verdict = VerdictLines.of(placed.verdict());
        List<String> expected = placed.told().expected();
        String all = placed + " comes to:\n" + String.join("\n", verdict);

        assertThat(verdict.stream().filter(VerdictLines::isWhole)).as(all)
                .containsExactlyElementsOf(expected.stream().filter(VerdictLines::isWhole).toList());
        assertThat(verdict).as(all).containsAll(expected);
    }

    @Test
    void thereIsACaseForEveryCauseAndEveryRule() {
        Set<Cause> causes = EnumSet.noneOf(Cause.class);
        Set<FindingRule> rules = EnumSet.noneOf(FindingRule.class);
        cases().stream().map(Placed::verdict).forEach(verdict -> {
            causes.add(verdict.outcome().cause());
            verdict.findings().forEach(finding -> rules.add(finding.rule()));
        });

        assertThat(causes).containsExactlyInAnyOrder(Cause.values());
        assertThat(rules).containsExactlyInAnyOrder(FindingRule.values());
        assertThat(cases()).hasSizeGreaterThanOrEqualTo(60);
    }

    @Test
    void theTimesInASentenceAreListedBesideIt() {
        for (Verdict verdict : cases().stream().map(Placed::verdict).toList()) {
            Stream.concat(verdict.outcome().evidence().stream(),
                    verdict.findings().stream().flatMap(finding -> finding.evidence().stream()))
                    .forEach(fact -> assertListed(fact.says(), fact.times()));
            verdict.findings().forEach(finding -> assertListed(finding.sentence(), finding.times()));
            assertThat(VerdictLines.of(verdict)).filteredOn(line -> !line.matches("(evidence|finding|fact): .*"))
                    .allSatisfy(line -> assertListed(line, null));
        }
    }

    private static void assertListed(String sentence, @Nullable List<Instant> times) {
        assertThat(TIME.matcher(sentence).results().map(MatchResult::group)).as(sentence)
                .containsExactlyElementsOf(times == null ? List.of() : times.stream().map(Instant::toString).toList());
    }

    /** "Nothing can be suggested yet" promises something. */
    @Test
    void nothingIsPromisedOfAJobThatIsOver() {
        assertThat(cases().stream().map(Placed::verdict).filter(verdict -> verdict.outcome().state().isFinal())
                .flatMap(verdict -> VerdictLines.of(verdict).stream())).isNotEmpty()
                .noneMatch(line -> line.matches(".*\\byet\\b.*"));
    }

    /** A number and its noun agree, whatever the number is. */
    @Test
    void oneIsNotSeveral() {
        assertThat(cases().stream().flatMap(placed -> VerdictLines.of(placed.verdict()).stream()))
                .noneMatch(line -> line.matches(".*(?<![0-9.,] ?)\\b1 (samples|GPUs|CPUs|nodes|processes|jobs|times|are"
                        + "|were)\\b.*") && !line.contains("of its"));
    }

    @Test
    void noTwoCasesOfAFileHaveTheSameName() {
        assertThat(cases().stream().collect(Collectors.groupingBy(
                placed -> placed.file() + ": " + placed.told().name(), Collectors.counting()))).allSatisfy(
                        (name, count) -> assertThat(count).as(name).isOne());
    }

    @Test
    void nothingIsSuggestedThatLiesBelowWhatWasUsed() {
        for (Placed placed : cases()) {
            RunEvidence evidence = placed.told().evidence();
            for (Verdict.Option option : placed.verdict().next().options()) {
                double used = switch (option.name()) {
                    case "--mem" -> evidence.nodes().stream().mapToDouble(RunEvidence.NodeUsage::memoryPeak)
                            .filter(Double::isFinite).max().orElse(0);
                    case "--mem-per-cpu" -> evidence.nodes().stream().filter(on -> on.memoryPeak() >= 0)
                            .mapToDouble(on -> on.memoryPeak() / cpus(on, placed.verdict())).max().orElse(0);
                    case "--time" -> evidence.ranSeconds();
                    case "--gpus", "--gpus-per-task", "--gres" ->
                        evidence.gpus().stream().filter(gpu -> gpu.maxPercent() > 0).count();
                    case "--cpus-per-task" ->
                        evidence.nodes().stream().mapToDouble(RunEvidence.NodeUsage::cpusUsedAtMost)
                                .filter(Double::isFinite).max().orElse(0) - 0.05;
                    default -> throw new AssertionError(option.name());
                };
                assertThat(asked(option)).as(placed + " " + option).isGreaterThanOrEqualTo(used);
            }
        }
    }

    /** With those of the next run, if it is to have fewer. */
    private static double cpus(RunEvidence.NodeUsage on, Verdict verdict) {
        return verdict.next().options().stream().filter(option -> option.name().equals("--cpus-per-task"))
                .mapToDouble(Verdict.Option::amount).findFirst().orElse(on.cpus());
    }

    /** 0 is no limit, all memory of a node, or an error to sbatch; and it refuses two ways to ask for memory. srun has no #SBATCH. */
    @Test
    void sbatchTakesEveryLineAsItIsMeant() {
        for (Placed placed : cases()) {
            List<String> lines = placed.verdict().next().lines();
            assertThat(lines).as("%s", placed).allMatch(
                    line -> line.matches(
                            "(#SBATCH )?--(mem(-per-cpu)?=[1-9][0-9]*[MG]|(cpus-per-task|gpus-per-task)=[1-9][0-9]*"
                                    + "|gpus=([a-z0-9.]+:)?[1-9][0-9]*|gres=gpu:([a-z0-9.]+:)?[1-9][0-9]*"
                                    + "|time=([1-9][0-9]*-)?[0-9]{2}:[0-9]{2}:00)"));
            assertThat(lines).as("%s", placed).noneMatch(line -> line.contains("=00:00:00"));
            assertThat(lines.stream().filter(line -> line.contains("--mem"))).as("%s", placed).hasSizeLessThan(2);
        }
    }

    private static double asked(Verdict.Option option) {
        String value = option.value();
        if (option.name().startsWith("--mem")) {
            double number = Double.parseDouble(value.substring(0, value.length() - 1));
            return number * (value.endsWith("G") ? 1L << 30 : 1L << 20);
        }
        if (!option.name().equals("--time")) {
            return Double.parseDouble(value.substring(value.lastIndexOf(':') + 1));
        }
        String[] days = value.split("-");
        String[] clock = days[days.length - 1].split(":");
        return (days.length == 2 ? Integer.parseInt(days[0]) * 86_400 : 0) + Integer.parseInt(clock[0]) * 3600
                + Integer.parseInt(clock[1]) * 60 + Integer.parseInt(clock[2]);
    }

    @Test
    void aFileThatIsWrongSaysWhere() {
        assertThatThrownBy(() -> VerdictCase.parse("x.case", List.of("case: a", "job state=completed", "nide n1")))
                .hasMessage("x.case line 3: not understood: nide");
        assertThatThrownBy(() -> VerdictCase.parse("x.case", List.of("case: a", "job state=completed",
                "node n1 cpi=3"))).hasMessage("x.case line 3: not known here: cpi");
        assertThatThrownBy(() -> VerdictCase.parse("x.case", List.of("", "job state=completed")))
                .hasMessage("x.case line 2: a file begins with case: NAME");
        assertThatThrownBy(() -> VerdictCase.parse("x.case", List.of("case: a", "node n1")))
                .hasMessage("x.case line 2: the first line of a case begins with job");
        assertThatThrownBy(() -> VerdictCase.parse("x.case", List.of("case: a", "job start=10h")))
                .hasMessageStartingWith("x.case line 2: start must be a time such as 10:05");
    }
}
