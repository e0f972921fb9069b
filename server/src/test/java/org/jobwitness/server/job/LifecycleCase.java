package org.jobwitness.server.job;

import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * One case of a case file.
 *
 * @param line where in the file it begins
 * @param anyOrder whether its events come to the same in any order
 * @param repeated whether its events come to the same if they are sent again
 */
record LifecycleCase(String name, int line, boolean anyOrder, boolean repeated, List<Step> steps) {

    LifecycleCase {
        steps = List.copyOf(steps);
    }

    sealed interface Step {
    }

    /** Something is said, and answered. */
    record Event(Evidence evidence, Instant now, String answer, int line) implements Step {
    }

    /** These, and no others, are the runs. */
    record Runs(List<String> lines, int line) implements Step {
        Runs {
            lines = List.copyOf(lines);
        }
    }

    List<Event> events() {
        return steps.stream().filter(Event.class::isInstance).map(Event.class::cast).toList();
    }

    Runs lastRuns() {
        return (Runs) steps.getLast();
    }

    /** The cases of a file, in its order. */
    static List<LifecycleCase> parse(List<String> lines) {
        Reader reader = new Reader();
        for (int i = 0; i < lines.size(); i++) {
            try {
                reader.read(lines.get(i).strip(), i + 1);
            } catch (RuntimeException e) {
                throw new IllegalArgumentException("line " + (i + 1) + ": " + e.getMessage(), e);
            }
        }
        reader.endCase();
        return reader.cases;
    }

    private static final class Reader {
        private static final Set<String> SHARED = Set.of("job", "cluster", "sluid", "start", "user", "nodes", "node");

        private final List<LifecycleCase> cases = new ArrayList<>();
        private final List<Step> steps = new ArrayList<>();
        private final List<String> runs = new ArrayList<>();
        private String name;
        private int begin;
        private boolean anyOrder;
        private boolean repeated;
        private String shared;
        private Instant now;

        void read(String line, int number) {
            String rest = line.substring(line.indexOf(' ') + 1);
            String first = line.substring(0, Math.max(0, line.indexOf(' ')));
            if (!first.equals("run:")) {
                endRuns(number);
            }
            if (line.isEmpty() || line.startsWith("#")) {
                return;
            }
            switch (first) {
                case "in", "not" -> marker(line);
                case "case:" -> beginCase(rest, number);
                case "with" -> share(rest);
                case "clock" -> now = Words.time(rest);
                case "started", "finished", "released", "observed", "reported", "lost", "created", "patched" ->
                    event(first, rest, number);
                case "run:" -> runs.add(rest);
                default -> throw new IllegalArgumentException("not understood: " + line);
            }
        }

        private void beginCase(String title, int number) {
            endCase();
            name = title;
            begin = number;
            anyOrder = false;
            repeated = true;
            shared = null;
            now = Words.time("+30d12:00");
        }

        private void marker(String line) {
            switch (line) {
                case "in any order" -> anyOrder = true;
                case "not repeated" -> repeated = false;
                default -> throw new IllegalArgumentException("not understood: " + line);
            }
        }

        private void share(String line) {
            Words words = new Words(line);
            if (!SHARED.containsAll(words.keys())) {
                throw new IllegalArgumentException("only these can be shared: " + SHARED);
            }
            shared = line;
        }

        private void event(String verb, String line, int number) {
            String[] halves = line.split("->", -1);
            if (halves.length != 2) {
                throw new IllegalArgumentException("an event needs its answer, as in: -> created");
            }
            Words words = new Words(halves[0]);
            if (shared != null) {
                words.or(new Words(shared));
            }
            steps.add(new Event(EventLine.parse(verb, words), now, halves[1].strip(), number));
        }

        private void endRuns(int number) {
            if (!runs.isEmpty()) {
                steps.add(new Runs(runs, number - runs.size()));
                runs.clear();
            }
        }

        void endCase() {
            endRuns(begin);
            if (name != null) {
                if (steps.isEmpty() || !(steps.getLast() instanceof Runs)) {
                    throw new IllegalArgumentException("case without runs at its end: " + name);
                }
                cases.add(new LifecycleCase(name, begin, anyOrder, repeated, steps));
                steps.clear();
            }
        }
    }
}
