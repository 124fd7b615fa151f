/** What Mermaid read. */
export interface StateDiagram {
  readonly title: string;
  readonly nodes: readonly {
    readonly id: string;
    /** Its name, then what else stands in it. */
    readonly lines: readonly string[];
    readonly parent: string | undefined;
  }[];
  readonly edges: readonly {
    readonly from: string;
    readonly to: string;
    readonly labels: readonly string[];
  }[];
}

/** Reads a state diagram as Mermaid does before it lays it out. Rejects where Mermaid refuses it. */
export function readStateDiagram(text: string): Promise<StateDiagram>;
