package org.jobwitness.agent;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noFields;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** The packages of the agent, and which may use which. */
class HouseTest {
    private static final String OURS = "org.jobwitness.agent";

    /** From the top. A package uses only packages in layers below its own. */
    private static final List<List<String>> LAYERS = List.of(List.of("command", "status"), List.of("sampling", "ship"),
            List.of("assignment", "cgroup", "node", "spool", "gpu.nvidia", "gpu.amd"), List.of("gpu"),
            List.of("config"), List.of("files", "json", "clock", "log"));

    private final JavaClasses agent = new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS).importPackages(OURS);

    @Test
    void onlyJavaBaseAndWireAreUsed() {
        Set<String> base = Object.class.getModule().getPackages();
        classes().should().onlyDependOnClassesThat(DescribedPredicate.describe("are of java.base, wire or the agent",
                other -> other.isPrimitive() || other.isArray() || base.contains(other.getPackageName())
                        || other.getPackageName().equals("org.jobwitness.wire")
                        || other.getPackageName().startsWith(OURS)
                        || other.getPackageName().equals("org.jspecify.annotations")))
                .check(agent);
    }

    @Test
    void packagesDoNotUseTheMainPackage() {
        noClasses().that().resideInAPackage(OURS + ".*..").should().dependOnClassesThat().resideInAPackage(OURS)
                .check(agent);
    }

    @Test
    void packagesHaveNoCycles() {
        slices().matching(OURS + ".(*)..").should().beFreeOfCycles().check(agent);
    }

    @Test
    void readersDoNotKnowHowReadingsAreSent() {
        noClasses().that()
                .resideInAnyPackage(OURS + ".cgroup..", OURS + ".node..", OURS + ".gpu..", OURS + ".assignment..")
                .should()
                .dependOnClassesThat().resideInAnyPackage(OURS + ".spool..", OURS + ".ship..").check(agent);
    }

    @Test
    void packagesUseOnlyLayersBelowTheirOwn() {
        for (int layer = 0; layer < LAYERS.size(); layer++) {
            String[] notBelow = LAYERS.subList(0, layer + 1).stream().flatMap(List::stream).toArray(String[]::new);
            for (String own : LAYERS.get(layer)) {
                String[] forbidden = Arrays.stream(notBelow).filter(other -> !other.equals(own))
                        .map(other -> OURS + "." + other).toArray(String[]::new);
                classes().that().resideInAPackage(OURS + "." + own).should()
                        .onlyDependOnClassesThat(not(resideInAnyPackage(forbidden))).check(agent);
            }
        }
    }

    @Test
    void everyPackageHasALayer() {
        Set<String> layered = LAYERS.stream().flatMap(List::stream).map(name -> OURS + "." + name)
                .collect(Collectors.toSet());
        layered.add(OURS);
        classes().should().resideInAnyPackage(layered.toArray(String[]::new)).check(agent);
    }

    @Test
    void limitsAreCalledMaxAndMinAndTimesTimeoutAndInterval() {
        noFields().should().haveNameMatching("(MOST|LONGEST|LARGEST|DEEPEST|LEAST|SHORTEST)_.*|.*(PATIENCE|SILENCE).*")
                .check(agent);
    }
}
