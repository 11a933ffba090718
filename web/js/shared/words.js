/** The words that the widgets write, in ComfyUI's language where it is one of these, else in English. */

import { app } from "../../../../scripts/app.js";

const ENGLISH = [
  "anger", "contempt", "disgust", "fear", "happiness", "neutral", "sadness", "surprise",
  "yaw", "pitch", "distance", "strength", "intensity", "gaze", "head distance", "emotion",
  "This value is not understood: set it again.",
  "channel", "time", "timeline", "transition", "smooth", "linear", "step",
  "add a key", "delete the key", "copy the key",
  "motion", "roll", "scale", "jaw", "smile", "pucker", "blink", "brows", "play", "pause",
  "Run the workflow to see the motion.",
]; // prettier-ignore

/** In the order of ENGLISH. */
const TRANSLATED = {
  zh: [
    "愤怒", "轻蔑", "厌恶", "恐惧", "快乐", "中性", "悲伤", "惊讶",
    "偏航", "俯仰", "距离", "强度", "总强度", "视线", "头部距离", "情绪",
    "无法识别此值：请重新设置。",
    "通道", "时间", "时间轴", "过渡", "平滑", "线性", "阶跃",
    "添加关键帧", "删除关键帧", "复制关键帧",
    "运动", "侧倾", "大小", "下颌", "微笑", "撅嘴", "眨眼", "眉毛", "播放", "暂停",
    "运行工作流即可查看运动。",
  ],
  ja: [
    "怒り", "軽蔑", "嫌悪", "恐れ", "喜び", "平静", "悲しみ", "驚き",
    "ヨー", "ピッチ", "距離", "強さ", "全体の強さ", "視線", "頭の距離", "感情",
    "この値は読めません。設定し直してください。",
    "チャンネル", "時間", "タイムライン", "補間", "なめらか", "直線", "段階",
    "キーを追加", "キーを削除", "キーを複製",
    "モーション", "ロール", "大きさ", "あご", "笑顔", "すぼめ", "まばたき", "眉", "再生", "一時停止",
    "ワークフローを実行するとモーションが表示されます。",
  ],
  ko: [
    "분노", "경멸", "혐오", "두려움", "기쁨", "무표정", "슬픔", "놀람",
    "요", "피치", "거리", "강도", "전체 강도", "시선", "머리 거리", "감정",
    "이 값을 읽을 수 없습니다. 다시 설정하세요.",
    "채널", "시간", "타임라인", "전환", "부드럽게", "직선", "계단",
    "키 추가", "키 삭제", "키 복사",
    "모션", "롤", "크기", "턱", "미소", "오므림", "깜박임", "눈썹", "재생", "일시정지",
    "워크플로를 실행하면 모션이 표시됩니다.",
  ],
  fr: [
    "colère", "mépris", "dégoût", "peur", "joie", "neutre", "tristesse", "surprise",
    "lacet", "tangage", "distance", "force", "intensité", "regard", "distance de la tête", "émotion",
    "Valeur non comprise : réglez-la à nouveau.",
    "canal", "temps", "chronologie", "transition", "doux", "linéaire", "palier",
    "ajouter une clé", "supprimer la clé", "copier la clé",
    "mouvement", "roulis", "taille", "mâchoire", "sourire", "moue", "clignement", "sourcils", "lire", "pause",
    "Exécutez le workflow pour voir le mouvement.",
  ],
  es: [
    "ira", "desprecio", "asco", "miedo", "alegría", "neutral", "tristeza", "sorpresa",
    "guiñada", "cabeceo", "distancia", "fuerza", "intensidad", "mirada", "distancia de la cabeza", "emoción",
    "Valor no reconocido: ajústalo de nuevo.",
    "canal", "tiempo", "línea de tiempo", "transición", "suave", "lineal", "escalón",
    "añadir fotograma clave", "borrar fotograma clave", "copiar fotograma clave",
    "movimiento", "alabeo", "tamaño", "mandíbula", "sonrisa", "labios fruncidos", "parpadeo", "cejas", "reproducir", "pausa",
    "Ejecuta el flujo de trabajo para ver el movimiento.",
  ],
  de: [
    "Wut", "Verachtung", "Ekel", "Angst", "Freude", "neutral", "Trauer", "Überraschung",
    "Gieren", "Nicken", "Abstand", "Stärke", "Intensität", "Blick", "Kopfabstand", "Emotion",
    "Wert nicht verstanden: bitte neu einstellen.",
    "Kanal", "Zeit", "Zeitleiste", "Übergang", "weich", "linear", "Stufe",
    "Keyframe setzen", "Keyframe löschen", "Keyframe kopieren",
    "Bewegung", "Rollen", "Größe", "Kiefer", "Lächeln", "Kussmund", "Blinzeln", "Brauen", "abspielen", "anhalten",
    "Starten Sie den Workflow, um die Bewegung zu sehen.",
  ],
}; // prettier-ignore

/** `english`, one of the words above, in ComfyUI's language. */
export function word(english) {
  const locale = String(app.extensionManager?.setting?.get?.("Comfy.Locale") ?? "en");
  const words = TRANSLATED[locale] ?? TRANSLATED[locale.split("-")[0]] ?? ENGLISH;
  return words[ENGLISH.indexOf(english)] ?? english;
}
