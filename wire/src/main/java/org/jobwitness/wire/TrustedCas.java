package org.jobwitness.wire;

import java.io.ByteArrayInputStream;
import java.io.IOException;
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

/** The CA certificates that are trusted for a server over https, instead of Java's own. */
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
        try {
            return of(Files.readAllBytes(pem));
        } catch (CertificateException e) {
            throw new IOException(pem + " holds no certificates", e);
        }
    }

    /**
     * The certificates of a PEM bundle.
     *
     * @throws CertificateException if it holds anything else, or nothing
     */
    public static TrustedCas of(byte[] pem) throws CertificateException {
        try {
            return new TrustedCas(List.copyOf(CertificateFactory.getInstance("X.509")
                    .generateCertificates(new ByteArrayInputStream(pem))));
        } catch (IllegalArgumentException e) {
            throw new CertificateException("no certificate", e);
        }
    }

    /** TLS that trusts these CAs only. */
    public SSLContext tls() {
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

    /**
     * Why the TLS handshake failed, for administrators.
     *
     * @param setting the one that names the trusted CAs
     */
    public static String inWords(SSLException failure, String setting) {
        List<Throwable> causes = Stream.<Throwable>iterate(failure, Objects::nonNull, Throwable::getCause).toList();
        if (causes.stream().anyMatch(CertificateExpiredException.class::isInstance)) {
            return "the server's certificate has expired";
        }
        if (causes.stream().anyMatch(CertificateNotYetValidException.class::isInstance)) {
            return "the server's certificate is not valid yet";
        }
        if (causes.stream().anyMatch(cause -> cause instanceof CertPathBuilderException
                || cause instanceof CertPathValidatorException)) {
            return "the server's certificate is not signed by a CA that is trusted here; " + setting + " names them";
        }
        return causes.stream().filter(CertificateException.class::isInstance).findFirst()
                .map(other -> "the server's certificate is not accepted: "
                        + String.valueOf(other.getMessage()).replaceFirst("\\.$", ""))
                .orElse("the server does not speak TLS, or no common TLS version");
    }
}
