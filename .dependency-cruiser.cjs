/** Who may import whom: docs/architecture.md. A run that cruised no modules fails (test/main.ts checks the count). */
const families = '^src/resources/([^/]+)/';

module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    { name: 'no-orphans', severity: 'error', from: { orphan: true, pathNot: ['\\.test\\.ts$', 'main\\.tsx?$', 'build\\.ts$', '\\.d\\.ts$', '^src/console/public/'] }, to: {} },
    { name: 'unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true, pathNot: '^node:' } },
    { name: 'kernel-is-the-bottom', severity: 'error', from: { path: '^src/kernel/' }, to: { path: '^src/', pathNot: '^src/kernel/' } },
    { name: 'wire-imports-kernel', severity: 'error', from: { path: '^src/wire/' }, to: { path: '^src/', pathNot: '^src/(wire|kernel)/' } },
    { name: 'policy-is-pure', severity: 'error', from: { path: '^src/policy/', pathNot: '(\\.test|\\.fixture|test-world|testing|test-server|test-rig|conformance)\\.ts$' }, to: { path: ['^src/(?!policy|kernel)', '^(node:)?(fs|net|http|child_process)'] } },
    { name: 'store-kit-imports-kernel', severity: 'error', from: { path: '^src/store-kit/' }, to: { path: '^src/', pathNot: '^src/(store-kit|kernel)/' } },
    { name: 'loop-imports-store-kit', severity: 'error', from: { path: '^src/loop/' }, to: { path: '^src/', pathNot: '^src/(loop|store-kit|kernel)/' } },
    { name: 'http-knows-no-family', severity: 'error', from: { path: '^src/http/' }, to: { path: '^src/(resources|app|cli|client|runtime|dataplane|admission)/' } },
    { name: 'drivers-import-the-port', severity: 'error', from: { path: '^src/runtime/', pathNot: '(\\.test|\\.fixture|test-world|testing|test-server|test-rig|conformance)\\.ts$' }, to: { path: '^src/', pathNot: '^src/(runtime|kernel)/' } },
    { name: 'families-use-the-port-not-a-driver', severity: 'error', from: { path: '^src/(resources|admission|loop)/', pathNot: '(\.test|\.fixture|test-world|testing|test-server|test-rig|conformance)\.ts$' }, to: { path: '^src/runtime/(container|kubernetes|fake)/' } },
    { name: 'api-is-wire-only', severity: 'error', from: { path: '\\.api\\.ts$' }, to: { path: '^src/', pathNot: ['^src/wire/', '\\.api\\.ts$'] } },
    { name: 'routes-never-touch-stores', severity: 'error', from: { path: '\\.routes\\.ts$' }, to: { path: '\\.store\\.ts$' } },
    { name: 'families-by-their-front-door', severity: 'error', from: { path: families, pathNot: '(\\.test|\\.fixture|test-world|testing|test-server|test-rig|conformance)\\.ts$' }, to: { path: families, pathNot: ['^src/resources/$1/', '/index\\.ts$'] } },
    { name: 'client-imports-api-only', severity: 'error', from: { path: '^src/client/' }, to: { path: '^src/', pathNot: ['^src/(client|wire|kernel)/', '\\.api\\.ts$'] } },
    // The console runs in browsers: of the server it knows what operations declare, and the language of policies, which is pure: documents are
    // checked as one types by the code that will judge them. Its build and the list of pages are read by tests.
    { name: 'console-imports-client-and-api', severity: 'error', from: { path: '^src/console/' }, to: { path: '^src/', pathNot: ['^src/(console|wire)/', '^src/client/call\\.ts$', '^src/kernel/failure\\.ts$', '^src/policy/(action|catalogue|condition-keys|lint|operators)\\.ts$', '^src/resources/objects/access/bucket-policy\\.ts$', '\\.api\\.ts$'] } },
    { name: 'console-needs-no-node', severity: 'error', from: { path: '^src/console/', pathNot: 'build\\.ts$' }, to: { dependencyTypes: ['core'] } },
    { name: 'nobody-imports-the-console', severity: 'error', from: { path: '^src/(?!console)' }, to: { path: '^src/console/' } },
    // The command line knows operations, not families. It checks policies without a platform, which the policy language, being pure, allows.
    { name: 'cli-imports-client-and-api', severity: 'error', from: { path: '^src/cli/', pathNot: '(\\.test|\\.fixture)\\.ts$' }, to: { path: '^src/', pathNot: ['^src/(cli|client|app|kernel|wire|policy)/', '\\.api\\.ts$'] } },
    { name: 'only-app-composes', severity: 'error', from: { path: '^src/(?!app|cli)', pathNot: '(\\.test|\\.fixture|test-world|testing|test-server|test-rig|conformance)\\.ts$' }, to: { path: '^src/(app|cli)/' } },
    { name: 'no-dev-dependencies-in-product', severity: 'error', from: { path: '^src/', pathNot: '(\.test|\.fixture|test-world|testing|test-server|test-rig|conformance)\.ts$' }, to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] } },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'], extensions: ['.ts', '.tsx', '.js', '.json'] },
  },
};
