import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;

/** Makes a trust store for Maven from a file of PEM certificates: {@code java TrustStore.java in.pem out.p12}. */
public final class TrustStore {
    private TrustStore() {}

    public static void main(String[] arguments) throws IOException, GeneralSecurityException {
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        try (InputStream in = Files.newInputStream(Path.of(arguments[0]))) {
            int number = 0;
            for (Certificate certificate : CertificateFactory.getInstance("X.509").generateCertificates(in)) {
                store.setCertificateEntry("authority-" + number++, certificate);
            }
        }
        try (OutputStream out = Files.newOutputStream(Path.of(arguments[1]))) {
            // Public certificates: the password is only there because the format wants one.
            store.store(out, "changeit".toCharArray());
        }
    }
}
