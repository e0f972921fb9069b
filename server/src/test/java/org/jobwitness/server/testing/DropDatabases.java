package org.jobwitness.server.testing;

import org.jobwitness.server.embedded.OldestPostgres;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * Drops the databases of each test class when it has ended: all of them together, 10 MB each, would fill a small disk.
 * JUnit finds it by META-INF/services, and calls it last.
 */
public final class DropDatabases implements AfterAllCallback {
    @Override
    public void afterAll(ExtensionContext context) {
        boolean isNested = context.getParent().flatMap(ExtensionContext::getTestClass).isPresent();
        if (!isNested) {
            TestPostgres.dropDatabases();
            OldestPostgres.dropDatabases();
        }
    }
}
