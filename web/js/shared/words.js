/** The words that the widgets write, in ComfyUI's language where it is one of these, else in English. */

import { app } from "../../../../scripts/app.js";

const ENGLISH = [
  "anger", "contempt", "disgust", "fear", "happiness", "neutral", "sadness", "surprise",
  "yaw", "pitch", "distance", "strength", "intensity", "gaze", "head distance", "emotion",
  "This value is not understood: set it again.",
]; // prettier-ignore

/** In the order of ENGLISH. */
const TRANSLATED = {
  zh: [
    "愤怒", "轻蔑", "厌恶", "恐惧", "快乐", "中性", "悲伤", "惊讶",
    "偏航", "俯仰", "距离", "强度", "总强度", "视线", "头部距离", "情绪",
    "无法识别此值：请重新设置。",
  ],
  ja: [
    "怒り", "軽蔑", "嫌悪", "恐れ", "喜び", "平静", "悲しみ", "驚き",
    "ヨー", "ピッチ", "距離", "強さ", "全体の強さ", "視線", "頭の距離", "感情",
    "この値は読めません。設定し直してください。",
  ],
  ko: [
    "분노", "경멸", "혐오", "두려움", "기쁨", "무표정", "슬픔", "놀람",
    "요", "피치", "거리", "세기", "전체 세기", "시선", "머리 거리", "감정",
    "이 값을 읽을 수 없습니다. 다시 설정하세요.",
  ],
  fr: [
    "colère", "mépris", "dégoût", "peur", "joie", "neutre", "tristesse", "surprise",
    "lacet", "tangage", "distance", "force", "intensité", "regard", "distance de la tête", "émotion",
    "Valeur non comprise : réglez à nouveau.",
  ],
  es: [
    "ira", "desprecio", "asco", "miedo", "alegría", "neutral", "tristeza", "sorpresa",
    "guiñada", "cabeceo", "distancia", "fuerza", "intensidad", "mirada", "distancia de la cabeza", "emoción",
    "Valor no entendido: ajústelo de nuevo.",
  ],
  de: [
    "Wut", "Verachtung", "Ekel", "Angst", "Freude", "neutral", "Trauer", "Überraschung",
    "Gieren", "Nicken", "Abstand", "Stärke", "Intensität", "Blick", "Kopfabstand", "Gefühl",
    "Wert nicht verstanden: bitte neu einstellen.",
  ],
}; // prettier-ignore

/** `english`, one of the words above, in ComfyUI's language. */
export function word(english) {
  const locale = String(app.extensionManager?.setting?.get?.("Comfy.Locale") ?? "en");
  const words = TRANSLATED[locale] ?? TRANSLATED[locale.split("-")[0]] ?? ENGLISH;
  return words[ENGLISH.indexOf(english)] ?? english;
}
