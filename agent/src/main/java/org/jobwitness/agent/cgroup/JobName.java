package org.jobwitness.agent.cgroup;

import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The job in the name of a folder in slurmstepd's scope: {@code job_123}, or from Slurm 26.05 on its SLUID, 64 bits in
 * Crockford's base 32 (src/common/sluid.c). Exactly one of the two is present.
 */
public record JobName(@Nullable String jobId, @Nullable String sluid) {
    private static final Pattern NAME = Pattern
            .compile("job_([1-9][0-9]{0,9})|([sS][0-9A-Fa-f][0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{12})");

    /** Empty for other folders, such as {@code system}. */
    public static Optional<JobName> of(String folder) {
        Matcher matcher = NAME.matcher(folder);
        if (!matcher.matches()) {
            return Optional.empty();
        }
        String sluid = matcher.group(2);
        return Optional.of(new JobName(matcher.group(1),
                sluid == null ? null : "s" + sluid.substring(1).toUpperCase(Locale.ROOT)));
    }
}
