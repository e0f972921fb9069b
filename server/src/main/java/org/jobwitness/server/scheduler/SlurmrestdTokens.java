package org.jobwitness.server.scheduler;

import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import org.jobwitness.server.access.SlurmTokenCheck;
import org.jobwitness.server.http.ApiException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Asks slurmrestd with the token of a user. slurmrestd itself checks none: slurmctld does, when it is asked something. A slurmrestd on
 * a Unix socket may act for whoever connects instead, so that it is first asked with a token that nobody can have made.
 */
public final class SlurmrestdTokens implements SlurmTokenCheck {
    private static final Logger log = LoggerFactory.getLogger(SlurmrestdTokens.class);
    private static final Duration TIMEOUT = Duration.ofSeconds(5);
    /** How long it is trusted to refuse false tokens. */
    private static final Duration TRUSTED = Duration.ofMinutes(10);
    private static final String FALSE_SIGNATURE = "A".repeat(43);

    private final SlurmAddress address;
    private final Duration timeout;
    private volatile Optional<Integer> version;
    private volatile Instant trustedUntil = Instant.MIN;

    /** @param apiVersion empty to find one */
    public SlurmrestdTokens(SlurmAddress address, Optional<Integer> apiVersion) {
        this(address, apiVersion, TIMEOUT);
    }

    SlurmrestdTokens(SlurmAddress address, Optional<Integer> apiVersion, Duration timeout) {
        this.address = address;
        this.version = apiVersion;
        this.timeout = timeout;
    }

    @Override
    public boolean accepts(String token) {
        try {
            if (trustedUntil.isBefore(Instant.now())) {
                if (isTaken(token.substring(0, token.lastIndexOf('.') + 1) + FALSE_SIGNATURE)) {
                    log.error("slurmrestd_takes_any_token address={}", address);
                    throw ApiException.unavailable("slurmrestd takes any token, so that none proves who somebody is;"
                            + " it must run with -a rest_auth/jwt alone");
                }
                trustedUntil = Instant.now().plus(TRUSTED);
            }
            return isTaken(token);
        } catch (SlurmException e) {
            throw ApiException.unavailable("Slurm cannot be asked about the token: " + e.getMessage());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw ApiException.unavailable("the server stops");
        }
    }

    private boolean isTaken(String token) throws SlurmException, InterruptedException {
        try (Slurmrestd slurmrestd = new Slurmrestd(address, new AuthToken.Fixed(token), Optional.empty(), version,
                timeout)) {
            boolean isTaken = slurmrestd.takesToken();
            version = slurmrestd.knownVersion();
            return isTaken;
        }
    }
}
