package org.jobwitness.server.scheduler;

import java.net.URI;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Optional;
import org.jobwitness.wire.TrustedCas;

/** Where slurmrestd listens. */
public sealed interface SlurmAddress {

    /**
     * By TCP.
     *
     * @param base without a slash at its end
     * @param trusted its CAs; empty for those of Java
     */
    record Web(URI base, Optional<TrustedCas> trusted) implements SlurmAddress {

        public Web {
            if (trusted.isPresent() && !"https".equals(base.getScheme())) {
                throw new IllegalArgumentException("trusted CAs need https");
            }
        }

        /** The same address, with these CAs. */
        public Web trusting(TrustedCas cas) {
            return new Web(base, Optional.of(cas));
        }
    }

    record UnixSocket(Path path) implements SlurmAddress {
    }

    /**
     * Reads {@code http://host:6820}, {@code https://host/prefix} or {@code unix:/path}.
     *
     * @throws IllegalArgumentException that says what is allowed
     */
    static SlurmAddress parse(String text) {
        try {
            if (text.startsWith("unix:")) {
                Path path = Path.of(text.substring("unix:".length()).replaceFirst("^//+", "/"));
                if (path.isAbsolute() && path.getNameCount() > 0) {
                    return new UnixSocket(path);
                }
            } else {
                URI base = URI.create(text.replaceFirst("/+$", ""));
                boolean isWeb = "http".equals(base.getScheme()) || "https".equals(base.getScheme());
                if (isWeb && base.getHost() != null && base.getUserInfo() == null && base.getQuery() == null
                        && base.getFragment() == null) {
                    return new Web(base, Optional.empty());
                }
            }
        } catch (InvalidPathException e) {
            throw new IllegalArgumentException(ALLOWED, e);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(ALLOWED, e);
        }
        throw new IllegalArgumentException(ALLOWED);
    }

    /** What an address may look like. */
    String ALLOWED = "http://host:port, https://host:port or unix:/path/of/socket";
}
