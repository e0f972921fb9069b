package org.jobwitness.server.access;

import org.jobwitness.server.http.ApiException;

/** Asks Slurm whether it takes a token, which only it can know: whoever could check one could make any. */
public interface SlurmTokenCheck {

    /**
     * Whether Slurm takes the token now.
     *
     * @throws ApiException 503 if it cannot be asked
     */
    boolean accepts(String token);
}
