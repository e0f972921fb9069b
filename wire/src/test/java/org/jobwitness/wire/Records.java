package org.jobwitness.wire;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.RecordComponent;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/** Makes records of what a test names, so that it need not spell out the dozens of components that it does not care about. */
final class Records {
    private static final Map<Class<?>, Object> ZERO = Map.of(int.class, 0, long.class, 0L, double.class, 0.0,
            boolean.class, false);

    private Records() {
    }

    /**
     * A record with these components; the others are null, or 0.
     *
     * @param namesAndValues names of components, each with its value behind it
     */
    static <R extends Record> R make(Class<R> type, Object... namesAndValues) {
        Map<String, Object> given = new HashMap<>();
        for (int i = 0; i < namesAndValues.length; i += 2) {
            given.put((String) namesAndValues[i], namesAndValues[i + 1]);
        }
        RecordComponent[] components = type.getRecordComponents();
        Object[] values = Arrays.stream(components).map(component -> given.containsKey(component.getName())
                ? given.remove(component.getName())
                : ZERO.get(component.getType())).toArray();
        if (!given.isEmpty()) {
            throw new IllegalArgumentException(type.getSimpleName() + " has no component " + given.keySet());
        }
        try {
            return type.getDeclaredConstructor(
                    Arrays.stream(components).map(RecordComponent::getType).toArray(Class<?>[]::new))
                    .newInstance(values);
        } catch (InvocationTargetException e) {
            throw (RuntimeException) e.getCause();
        } catch (ReflectiveOperationException e) {
            throw new IllegalArgumentException(e);
        }
    }

    /** What a record has come to hold. */
    static Object value(Record made, String component) {
        try {
            return Arrays.stream(made.getClass().getRecordComponents())
                    .filter(each -> each.getName().equals(component)).findFirst().orElseThrow().getAccessor()
                    .invoke(made);
        } catch (ReflectiveOperationException e) {
            throw new IllegalArgumentException(e);
        }
    }
}
