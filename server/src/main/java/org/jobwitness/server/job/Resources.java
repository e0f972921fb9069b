package org.jobwitness.server.job;

import org.jspecify.annotations.Nullable;

/** Resources of a whole job: requested, or allocated. */
public record Resources(@Nullable Integer cpus, @Nullable Long memoryMb, @Nullable Integer gpus) {
    public static final Resources UNKNOWN = new Resources(null, null, null);

    /** These, and the other ones where these are unknown. */
    Resources orElse(Resources other) {
        Integer theirCpus = cpus == null ? other.cpus : cpus;
        Long theirMemory = memoryMb == null ? other.memoryMb : memoryMb;
        return new Resources(theirCpus, theirMemory, gpus == null ? other.gpus : gpus);
    }

    public Resources withCpus(@Nullable Integer others) {
        return new Resources(others, memoryMb, gpus);
    }

    /** @param kind prefix of the fields' names in the audit trail */
    Resources merge(String kind, Resources incoming, Differences differences) {
        return new Resources(differences.keep(kind + "_cpus", cpus, incoming.cpus),
                differences.keep(kind + "_memory_mb", memoryMb, incoming.memoryMb),
                differences.keep(kind + "_gpus", gpus, incoming.gpus));
    }
}
