package org.jobwitness.server.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.junit.jupiter.api.DynamicContainer.dynamicContainer;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicContainer;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** Every case of resources/job/lifecycle, whose README.md says how they are written. */
class JobLifecycleTest {
    private static final String FOLDER = "/job/lifecycle/";

    @TestFactory
    Stream<DynamicContainer> cases() {
        return files().map(file -> {
            URI source = URI.create("classpath:" + FOLDER + file.getFileName());
            return dynamicContainer(file.getFileName().toString(), source,
                    parse(file).stream().flatMap(one -> tests(one, source)));
        });
    }

    private static Stream<DynamicNode> tests(LifecycleCase one, URI file) {
        URI source = URI.create(file + "?line=" + one.line());
        List<DynamicNode> tests = new ArrayList<>();
        tests.add(dynamicTest(one.name(), source, () -> asWritten(one)));
        if (one.repeated()) {
            tests.add(dynamicTest(one.name() + ", and each event again at once", source, () -> eachTwice(one)));
            tests.add(dynamicTest(one.name() + ", and all events again at the end", source, () -> allAgain(one)));
        }
        if (one.anyOrder()) {
            tests.add(dynamicTest(one.name() + ", in any order", source, () -> inAnyOrder(one)));
        }
        return tests.stream();
    }

    private static void asWritten(LifecycleCase one) {
        RunsInMemory runs = new RunsInMemory();
        for (LifecycleCase.Step step : one.steps()) {
            switch (step) {
                case LifecycleCase.Event event -> assertThat(answer(runs.apply(event.evidence(), event.now())))
                        .as("line %d: %s", event.line(), EventLine.show(event.evidence())).isEqualTo(event.answer());
                case LifecycleCase.Runs expected -> compare(runs, expected);
            }
        }
    }

    private static void eachTwice(LifecycleCase one) {
        RunsInMemory runs = new RunsInMemory();
        for (LifecycleCase.Event event : one.events()) {
            runs.apply(event.evidence(), event.now());
            assertThat(runs.apply(event.evidence(), event.now())).as(() -> EventLine.show(event.evidence()))
                    .isInstanceOf(Decision.Skipped.class);
        }
        compare(runs, one.lastRuns());
    }

    private static void allAgain(LifecycleCase one) {
        RunsInMemory runs = new RunsInMemory();
        one.events().forEach(event -> runs.apply(event.evidence(), event.now()));
        List<Run> before = runs.runs();
        for (LifecycleCase.Event event : one.events()) {
            assertThat(runs.apply(event.evidence(), event.now())).as(() -> EventLine.show(event.evidence()))
                    .isInstanceOf(Decision.Skipped.class);
        }
        assertThat(runs.runs()).isEqualTo(before);
    }

    private static void inAnyOrder(LifecycleCase one) {
        for (List<LifecycleCase.Event> order : orders(one.events())) {
            RunsInMemory runs = new RunsInMemory();
            order.forEach(event -> runs.apply(event.evidence(), event.now()));
            assertThat(shown(runs, one.lastRuns())).as(() -> "after\n" + order.stream()
                    .map(event -> EventLine.show(event.evidence())).collect(Collectors.joining("\n")))
                    .isEqualTo(one.lastRuns().lines());
        }
    }

    private static <T> List<List<T>> orders(List<T> things) {
        if (things.isEmpty()) {
            return List.of(List.of());
        }
        List<List<T>> all = new ArrayList<>();
        for (int i = 0; i < things.size(); i++) {
            List<T> others = new ArrayList<>(things);
            T first = others.remove(i);
            orders(others).forEach(order -> {
                List<T> whole = new ArrayList<>(List.of(first));
                whole.addAll(order);
                all.add(whole);
            });
        }
        return all;
    }

    private static void compare(RunsInMemory runs, LifecycleCase.Runs expected) {
        assertThat(shown(runs, expected)).as("the runs of line %d", expected.line()).isEqualTo(expected.lines());
    }

    /** The runs in the words that the case uses for them. */
    private static List<String> shown(RunsInMemory actual, LifecycleCase.Runs expected) {
        List<Run> runs = actual.runs();
        List<String> shown = new ArrayList<>();
        for (int i = 0; i < runs.size(); i++) {
            List<String> keys = i < expected.lines().size() ? new Words(expected.lines().get(i)).keys() : List.of();
            shown.add(RunLine.show(runs.get(i), actual.nodesOf(runs.get(i)), keys));
        }
        return shown;
    }

    private static String answer(Decision decision) {
        return switch (decision) {
            case Decision.Unknown _ -> "unknown";
            case Decision.Conflict _ -> "conflict";
            case Decision.Created _ -> "created";
            case Decision.Accepted _ -> "accepted";
            case Decision.Updated updated -> "updated" + noting(updated.noted().keySet());
            case Decision.Skipped skipped -> "skipped" + noting(skipped.noted().keySet());
        };
    }

    private static String noting(Iterable<String> fields) {
        List<String> names = new ArrayList<>();
        fields.forEach(names::add);
        return names.isEmpty() ? "" : " noting " + names.stream().sorted().collect(Collectors.joining(", "));
    }

    @Test
    void aCaseCannotBeWrongUnnoticed() {
        LifecycleCase wrong = LifecycleCase.parse("""
                case: wrong on purpose
                started job=1 node=n1 start=10:00:00 -> created
                run: state=running
                """.lines().toList()).getFirst();

        assertThat(catchThrowable(() -> asWritten(wrong)))
                .isInstanceOf(AssertionError.class).hasMessageContaining("start=10:00:00");
    }

    @Test
    void aMistypedWordIsRefusedWithItsLine() {
        List<String> lines = "case: mistyped\nstarted job=1 nod=n1 -> created\nrun: state=running".lines().toList();

        assertThat(catchThrowable(() -> LifecycleCase.parse(lines)))
                .hasMessageContaining("line 2").hasMessageContaining("nod");
    }

    private static Stream<Path> files() {
        try {
            Path folder = Path.of(Objects.requireNonNull(JobLifecycleTest.class.getResource(FOLDER)).toURI());
            try (Stream<Path> all = Files.list(folder)) {
                return all.filter(file -> file.toString().endsWith(".case")).sorted().toList().stream();
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    private static List<LifecycleCase> parse(Path file) {
        try {
            return LifecycleCase.parse(Files.readAllLines(file));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(file.getFileName() + " " + e.getMessage(), e);
        }
    }
}
