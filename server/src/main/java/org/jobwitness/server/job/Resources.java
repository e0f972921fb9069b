package org.jobwitness.server.job;

import org.jspecify.annotations.Nullable;

/** How much of the cluster a job asks for or has, as a whole. */
public record Resources(@Nullable Integer cpus, @Nullable Long memoryMb, @Nullable Integer gpus) {
    public static final Resources UNKNOWN = new Resources(null, null, null);
}
