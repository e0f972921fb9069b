package org.jobwitness.server.testing;

/** How much tests do: in {@code make verify} a share, all of it in {@code make verify-all}, which is run before a release. */
public final class LongTests {
    /** Surefire's, by pom.xml: the tag of tests that are left out. */
    private static final boolean ARE_WANTED = System.getProperty("tests.excluded", "long").equals("none");

    private LongTests() {
    }

    public static boolean areWanted() {
        return ARE_WANTED;
    }

    /** How often something is done that takes long. */
    public static int times(int inVerify, int inVerifyAll) {
        return ARE_WANTED ? inVerifyAll : inVerify;
    }
}
