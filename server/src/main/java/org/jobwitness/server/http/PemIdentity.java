package org.jobwitness.server.http;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.Signature;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A private key and its certificates, as in PEM files of OpenSSL and ACME clients: PKCS #8 ({@code PRIVATE KEY}), PKCS #1
 * ({@code RSA PRIVATE KEY}) and SEC 1 ({@code EC PRIVATE KEY}), none of them encrypted. Java reads only the first.
 *
 * @param chain the key's own certificate first
 */
record PemIdentity(PrivateKey key, List<X509Certificate> chain) {
    private static final int MAX_BYTES = 1 << 20;
    private static final Pattern KEY = Pattern
            .compile("-----BEGIN ((?:RSA |EC |ENCRYPTED )?PRIVATE KEY)-----([^-]+)-----END \\1-----");
    private static final byte SEQUENCE = 0x30;
    private static final byte OCTET_STRING = 0x04;
    private static final byte[] VERSION_0 = {0x02, 1, 0};

    /** @throws IOException with the cause in words */
    static PemIdentity read(Path certificates, Path key) throws IOException {
        List<X509Certificate> chain = new ArrayList<>();
        try {
            CertificateFactory.getInstance("X.509").generateCertificates(new ByteArrayInputStream(bytes(certificates)))
                    .forEach(certificate -> chain.add((X509Certificate) certificate));
        } catch (CertificateException e) {
            throw new IOException(certificates + " holds something else than PEM certificates", e);
        }
        if (chain.isEmpty()) {
            throw new IOException(certificates + " holds no certificate");
        }
        try {
            PemIdentity identity = new PemIdentity(key(key, chain.getFirst().getPublicKey()), List.copyOf(chain));
            if (!identity.isOwnKey()) {
                throw new IOException(key + " is not the key of the first certificate in " + certificates);
            }
            return identity;
        } catch (GeneralSecurityException | IllegalArgumentException e) {
            throw new IOException(key + " is not the key of the first certificate in " + certificates
                    + ", or is damaged", e);
        }
    }

    private static byte[] bytes(Path file) throws IOException {
        try (InputStream in = Files.newInputStream(file)) {
            return in.readNBytes(MAX_BYTES);
        } catch (IOException e) {
            throw new IOException(file + " cannot be read: " + e.getClass().getSimpleName(), e);
        }
    }

    private static PrivateKey key(Path file, PublicKey publicKey) throws IOException, GeneralSecurityException {
        Matcher pem = KEY.matcher(new String(bytes(file), StandardCharsets.ISO_8859_1));
        if (!pem.find()) {
            throw new IOException(file + " holds no PEM private key");
        }
        if (pem.group(1).startsWith("ENCRYPTED") || pem.group(2).contains("ENCRYPTED")) {
            throw new IOException(file + " is encrypted; a key without a passphrase is needed");
        }
        byte[] key = Base64.getMimeDecoder().decode(pem.group(2).strip());
        return KeyFactory.getInstance(publicKey.getAlgorithm())
                .generatePrivate(
                        new PKCS8EncodedKeySpec(pem.group(1).equals("PRIVATE KEY") ? key : pkcs8(key, publicKey)));
    }

    /** PKCS #8 is the older formats with the algorithm before them, which the certificate has as well. */
    private static byte[] pkcs8(byte[] key, PublicKey publicKey) {
        return der(SEQUENCE, VERSION_0, algorithm(publicKey.getEncoded()), der(OCTET_STRING, key));
    }

    /** The first part of SubjectPublicKeyInfo (RFC 5280), which is a sequence of the algorithm and the key. */
    private static byte[] algorithm(byte[] publicKeyInfo) {
        int start = contentAt(publicKeyInfo, 0);
        int length = contentAt(publicKeyInfo, start) - start + length(publicKeyInfo, start);
        return Arrays.copyOfRange(publicKeyInfo, start, start + length);
    }

    private static int contentAt(byte[] der, int at) {
        int length = der[at + 1] & 255;
        return at + 2 + (length < 128 ? 0 : length - 128);
    }

    private static int length(byte[] der, int at) {
        int length = der[at + 1] & 255;
        if (length < 128) {
            return length;
        }
        int value = 0;
        for (int i = 0; i < length - 128; i++) {
            value = (value << 8) | (der[at + 2 + i] & 255);
        }
        return value;
    }

    private static byte[] der(byte tag, byte[]... parts) {
        ByteArrayOutputStream content = new ByteArrayOutputStream();
        for (byte[] part : parts) {
            content.writeBytes(part);
        }
        int length = content.size();
        ByteArrayOutputStream der = new ByteArrayOutputStream();
        der.write(tag);
        if (length < 128) {
            der.write(length);
        } else if (length < 256) {
            der.write(0x81);
            der.write(length);
        } else {
            der.write(0x82); // no key has more than 64 KiB
            der.write(length >> 8);
            der.write(length);
        }
        der.writeBytes(content.toByteArray());
        return der.toByteArray();
    }

    private boolean isOwnKey() throws GeneralSecurityException {
        PublicKey publicKey = chain.getFirst().getPublicKey();
        String algorithm = switch (publicKey.getAlgorithm()) {
            case "RSA" -> "SHA256withRSA";
            case "EC" -> "SHA256withECDSA";
            default -> publicKey.getAlgorithm();
        };
        byte[] text = {1, 2, 3};
        Signature signing = Signature.getInstance(algorithm);
        signing.initSign(key);
        signing.update(text);
        byte[] signature = signing.sign();
        Signature verifying = Signature.getInstance(algorithm);
        verifying.initVerify(publicKey);
        verifying.update(text);
        return verifying.verify(signature);
    }
}
