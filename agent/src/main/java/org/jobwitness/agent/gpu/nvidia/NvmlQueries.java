package org.jobwitness.agent.gpu.nvidia;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Queries of one GPU, and the causes of those that failed. */
final class NvmlQueries {
    private final Map<String, String> absent = new TreeMap<>();

    interface Query<T extends @Nullable Object> {
        T run() throws NvmlException;
    }

    static <T> @Nullable T orNull(Query<T> query) {
        try {
            return query.run();
        } catch (NvmlException e) {
            return null;
        }
    }

    /**
     * The result; null if the query failed, with its cause kept.
     *
     * @throws NvmlException if no query of any GPU can succeed
     */
    <T extends @Nullable Object> @Nullable T find(String figure, Query<T> query) throws NvmlException {
        try {
            return query.run();
        } catch (NvmlException e) {
            if (e.isOfAllGpus()) {
                throw e;
            }
            absent.put(figure, String.valueOf(e.getMessage()));
            return null;
        }
    }

    /** Memory figures, both null if the query failed. */
    record MemoryFigures(@Nullable Long usedBytes, @Nullable Long totalBytes) {
    }

    MemoryFigures memory(Query<NvmlLibrary.Memory> query) throws NvmlException {
        NvmlLibrary.Memory memory = find("memory_used_bytes", query);
        if (memory == null) {
            absent.put("memory_total_bytes", String.valueOf(absent.get("memory_used_bytes")));
            return new MemoryFigures(null, null);
        }
        return new MemoryFigures(memory.usedBytes(), memory.totalBytes());
    }

    void absent(String figure, String cause) {
        absent.put(figure, cause);
    }

    void absent(List<String> figures, String cause) {
        figures.forEach(figure -> absent.put(figure, cause));
    }

    Map<String, String> absent() {
        return absent;
    }
}
