package org.jobwitness.server.scheduler;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.CertPathBuilderException;
import java.security.cert.CertPathValidatorException;
import java.security.cert.Certificate;
import java.security.cert.CertificateException;
import java.security.cert.CertificateExpiredException;
import java.security.cert.CertificateFactory;
import java.security.cert.CertificateNotYetValidException;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;
import javax.net.ssl.TrustManagerFactory;

/** The CA certificates that are trusted for slurmrestd over https, instead of Java's own. */
public record TrustedCas(List<Certificate> certificates) {

    public TrustedCas {
        certificates = List.copyOf(certificates);
        if (certificates.isEmpty()) {
            throw new IllegalArgumentException("no certificate");
        }
    }

    /**
     * Reads a PEM bundle.
     *
     * @throws IOException if it cannot be read, or holds anything else, or nothing
     */
    public static TrustedCas read(Path pem) throws IOException {
        try (InputStream in = Files.newInputStream(pem)) {
            return new TrustedCas(List.copyOf(CertificateFactory.getInstance("X.509").generateCertificates(in)));
        } catch (CertificateException | IllegalArgumentException e) {
            throw new IOException(pem + " holds no certificates", e);
        }
    }

    /** TLS that trusts these CAs only. */
    SSLContext tls() {
        try {
            KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
            store.load(null, null);
            for (int i = 0; i < certificates.size(); i++) {
                store.setCertificateEntry(String.valueOf(i), certificates.get(i));
            }
            TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
            trust.init(store);
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(null, trust.getTrustManagers(), null);
            return context;
        } catch (GeneralSecurityException | IOException e) {
            throw new IllegalStateException("a store of certificates in memory", e);
        }
    }

    /** Why the TLS handshake failed, for administrators. */
    static String inWords(SSLException refused) {
        List<Throwable> causes = Stream.<Throwable>iterate(refused, Objects::nonNull, Throwable::getCause).toList();
        if (causes.stream().anyMatch(CertificateExpiredException.class::isInstance)) {
            return "its certificate has expired";
        }
        if (causes.stream().anyMatch(CertificateNotYetValidException.class::isInstance)) {
            return "its certificate is not valid yet";
        }
        if (causes.stream().anyMatch(cause -> cause instanceof CertPathBuilderException
                || cause instanceof CertPathValidatorException)) {
            return "its certificate is not signed by a trusted CA; SLURM_CA_FILE names the trusted CAs";
        }
        return causes.stream().filter(CertificateException.class::isInstance).findFirst()
                .map(other -> "its certificate is not accepted: " + other.getMessage())
                .orElse("it does not speak TLS, or no common TLS version");
    }
}
