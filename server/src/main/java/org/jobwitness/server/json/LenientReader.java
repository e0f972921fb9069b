package org.jobwitness.server.json;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Reads one message whose strict reading has failed: blank texts are unknown, and a field that cannot be taken is left out,
 * if {@link Leniency} allows it.
 */
final class LenientReader {
    /** More than any honest message needs; each costs one reading of the whole. */
    private static final int MAX_LEFT_OUT = 64;
    private static final Pattern STEP = Pattern.compile("([^.\\[\\]]+)|\\[([0-9]+)\\]");
    /** Of the scheduler's attributes; kept as it is. */
    private static final String FREE = "extra";

    private final Json json;
    private final List<String> leftOut = new ArrayList<>();
    private final List<Accepted.Dropped> dropped = new ArrayList<>();

    LenientReader(Json json) {
        this.json = json;
    }

    /** @throws InvalidJsonException if it cannot be taken at all */
    <T> Accepted<T> read(ObjectNode message, Leniency<T> leniency) {
        leniency.elements().forEach((name, element) -> readElements(message, name, element));
        return new Accepted<>(readObject(message, leniency, ""), leftOut, dropped);
    }

    private void readElements(ObjectNode message, String name, Leniency<?> leniency) {
        if (!(message.get(name) instanceof ArrayNode elements)) {
            return;
        }
        ArrayNode kept = message.arrayNode();
        for (int i = 0; i < elements.size(); i++) {
            JsonNode element = elements.get(i);
            String place = name + "[" + i + "]";
            try {
                if (element instanceof ObjectNode object) {
                    readObject(object, leniency, place + ".");
                    kept.add(object);
                } else {
                    throw InvalidJsonException.ofField("", "must be an object");
                }
            } catch (InvalidJsonException e) {
                boolean isOfField = e.field().filter(field -> !field.isEmpty()).isPresent();
                String problem = place + (isOfField ? "." : " ") + e.message();
                leftOut.add(problem);
                dropped.add(new Accepted.Dropped(name, jobId(element), problem));
            }
        }
        message.set(name, kept);
    }

    private static @Nullable String jobId(JsonNode element) {
        return element.path("job_id").isString() ? element.path("job_id").asString() : null;
    }

    private <T> T readObject(ObjectNode object, Leniency<T> leniency, String place) {
        for (String field : List.copyOf(object.propertyNames())) {
            if (!leniency.required().contains(field) && !leniency.elements().containsKey(field)) {
                removeBlanks(object, field);
            }
        }
        for (int i = 0; i < MAX_LEFT_OUT; i++) {
            try {
                return json.read(object, leniency.type());
            } catch (InvalidJsonException e) {
                leaveOut(object, leniency, e);
                leftOut.add(place + e.message());
            }
        }
        throw InvalidJsonException.of("more than " + MAX_LEFT_OUT + " of its fields cannot be taken, the last of them: "
                + leftOut.getLast());
    }

    private static void removeBlanks(ObjectNode object, String field) {
        JsonNode value = object.required(field);
        if (value.isString() && value.asString().isBlank()) {
            object.remove(field);
        } else if (value instanceof ObjectNode inner && !field.equals(FREE)) {
            List.copyOf(inner.propertyNames()).forEach(name -> removeBlanks(inner, name));
        } else if (value instanceof ArrayNode list) {
            for (int i = list.size() - 1; i >= 0; i--) {
                if (list.get(i).isString() && list.get(i).asString().isBlank()) {
                    list.remove(i);
                } else if (list.get(i) instanceof ObjectNode inner) {
                    List.copyOf(inner.propertyNames()).forEach(name -> removeBlanks(inner, name));
                }
            }
        }
    }

    /** Removes the field of an error, or the innermost object that cannot be taken without it; else the error stands. */
    private static void leaveOut(ObjectNode object, Leniency<?> leniency, InvalidJsonException e) {
        List<String> steps = e.field().map(LenientReader::steps).orElse(List.of());
        if (steps.isEmpty() || !leniency.mayLeaveOut(steps.getFirst())) {
            throw e;
        }
        JsonNode parent = object;
        JsonNode found = object;
        String last = "";
        boolean isElement = leniency.elements().containsKey(steps.getFirst());
        for (String step : isElement && steps.size() > 1 ? steps.subList(0, 2) : steps) {
            Optional<JsonNode> next = child(found, step);
            if (next.isEmpty()) {
                break;
            }
            boolean isPartOfList = found.isArray() && !next.get().isObject();
            if (isPartOfList) {
                break; // a list that lacks one of its entries would say something else
            }
            parent = found;
            found = next.get();
            last = step;
        }
        remove(parent, last, e);
    }

    private static void remove(JsonNode parent, String step, InvalidJsonException e) {
        if (parent instanceof ObjectNode object && object.has(step)) {
            object.remove(step);
        } else if (parent instanceof ArrayNode list && !step.isEmpty()) {
            list.remove(Integer.parseInt(step));
        } else {
            throw e;
        }
    }

    private static Optional<JsonNode> child(JsonNode node, String step) {
        return node.isArray()
                ? IntStream.range(0, node.size()).filter(i -> step.equals(Integer.toString(i)))
                        .mapToObj(node::get).findFirst()
                : Optional.ofNullable(node.get(step));
    }

    private static List<String> steps(String path) {
        return STEP.matcher(path).results().map(LenientReader::step).toList();
    }

    private static String step(MatchResult match) {
        return match.group(1) == null ? match.group(2) : match.group(1);
    }
}
