package org.jobwitness.agent.gpu.nvidia;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** The questions that NVML is asked of one GPU, and why it did not answer some of them. */
final class NvmlQueries {
    private final Map<String, String> absent = new TreeMap<>();

    /** A question to NVML. */
    interface Question<T extends @Nullable Object> {
        T ask() throws NvmlException;
    }

    static <T> @Nullable T orNull(Question<T> question) {
        try {
            return question.ask();
        } catch (NvmlException e) {
            return null;
        }
    }

    /**
     * The answer. Null if there is none, whose cause is kept.
     *
     * @throws NvmlException if nothing more can be asked, of this GPU or another
     */
    <T extends @Nullable Object> @Nullable T find(String figure, Question<T> question) throws NvmlException {
        try {
            return question.ask();
        } catch (NvmlException e) {
            if (e.isOfAllGpus()) {
                throw e;
            }
            absent.put(figure, String.valueOf(e.getMessage()));
            return null;
        }
    }

    NvmlLibrary.@Nullable Memory memory(Question<NvmlLibrary.Memory> question) throws NvmlException {
        NvmlLibrary.Memory memory = find("memory_used_bytes", question);
        if (memory == null) {
            absent.put("memory_total_bytes", String.valueOf(absent.get("memory_used_bytes")));
        }
        return memory;
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
