package org.jobwitness.server.access;

import java.util.Optional;

/**
 * Which tokens of Slurm's users are taken beside those of {@code scontrol token}.
 *
 * @param keys the site's JWKS, with which Slurm checks tokens: a file, or an address with https; empty for none
 * @param userClaim of such a token, with the user's name
 */
public record SlurmTokenSettings(Optional<String> keys, String userClaim) {
    /** As {@code scontrol token} writes it: the Slurm user name. */
    public static final String SUN = "sun";
}
