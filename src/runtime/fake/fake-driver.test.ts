import { runConformance, scripts } from '../conformance.ts';
import { createFakeDriver, FakeEngine, type Program } from './index.ts';

const IMAGE = 'localhost/fake:1';

const programs = new Map<string, Program>([
  [
    scripts.lines,
    {
      runMs: 1500,
      output: [
        { text: 'one' },
        { afterMs: 500, stream: 'stderr', text: 'two' },
        { afterMs: 1000, text: 'three' },
        { afterMs: 1300, text: 'four' },
      ],
    },
  ],
  [scripts.burst, { runMs: 10, output: Array.from({ length: 20 }, (_, index) => ({ text: `line ${index + 1}` })) }],
  [scripts.exit3, { runMs: 5, exitCode: 3 }],
  [scripts.stubborn, { ignoresTerm: true, output: [{ text: 'deaf' }] }],
  [scripts.brief, { runMs: 500, exitCode: 7 }],
  [scripts.greedy, { oom: true, runMs: 50 }],
  [`sleep 0.4; ${scripts.greedy}`, { oom: true, runMs: 450 }],
  [scripts.greedyChild, { oom: true, runMs: 50, exitCode: 5 }],
]);

runConformance(
  'fake',
  async () => {
    const engine = new FakeEngine({ images: [IMAGE], program: spec => programs.get(spec.command?.[0] ?? '') });
    return {
      driver: createFakeDriver({ engine }),
      async killEngine() {
        engine.down = true;
      },
      async restartEngine() {
        engine.down = false;
        return createFakeDriver({ engine });
      },
      async close() {
        engine.close();
      },
    };
  },
  { image: IMAGE },
);
